import type { MongoConnection, MongoDatabase } from './mongo-connection.ts'
import type { SerializerOption } from '../../serializers/serializer.ts'
import type { Ms } from '../../units.ts'

/**
 * The options of `MongoClient` that are used most, and ours. All others of its options are handed on
 * as they are; an option wins over the same in the URL.
 */
export interface MongoCacheOptions extends SerializerOption {
  /**
   * Name of the database. Where a `Db` is handed in, it is what the names of the collections begin
   * with: `<cacheName>.responses`, … Default `http_cache`, in a `Db` nothing: `responses`, …
   */
  readonly cacheName?: string | undefined
  /** A `MongoClient` or `Db` that is ready; it is neither closed nor changed. */
  readonly connection?: MongoConnection | MongoDatabase | undefined
  /** How long an operation may take, its waiting for a server included. Default 5000. */
  readonly operationTimeout?: Ms | undefined
  /** `mongodb://user:password@host:port/?option=…`, or `mongodb+srv://…`. Default `mongodb://127.0.0.1:27017`. */
  readonly url?: string | undefined

  /** In the place of user and password in the URL. */
  readonly auth?: { readonly username?: string; readonly password?: string } | undefined
  /** The database that knows the user. Default `admin`, or the one in the URL. */
  readonly authSource?: string | undefined
  /** Such as `SCRAM-SHA-256`, `MONGODB-X509`, `MONGODB-AWS`. By default what the server offers. */
  readonly authMechanism?: string | undefined
  /** Default false, with `mongodb+srv:` true. */
  readonly tls?: boolean | undefined
  /** Path of the certificates of those whom we trust, as PEM. By default Node's own. */
  readonly tlsCAFile?: string | undefined
  /** Path of our certificate and its key, as PEM. */
  readonly tlsCertificateKeyFile?: string | undefined
  readonly tlsCertificateKeyFilePassword?: string | undefined

  /** Name of the replica set. */
  readonly replicaSet?: string | undefined
  /** Whether to ask the one server of the URL, whatever it is a part of. Default false. */
  readonly directConnection?: boolean | undefined
  /**
   * Which members are read: `'primary'`, `'primaryPreferred'`, `'secondary'`, `'secondaryPreferred'`,
   * `'nearest'`. A secondary may not have yet what was just stored. Default `'primary'`.
   */
  readonly readPreference?: string | object | undefined
  /** What is read: `'local'`, `'majority'`, … Default: as the server has it. */
  readonly readConcernLevel?: string | undefined
  /** When a write has ended: `{ w: 1 }`, `{ w: 'majority', j: true }`, … Default: as the server has it. */
  readonly writeConcern?: { readonly w?: number | 'majority'; readonly j?: boolean } | undefined
  /** Whether a write is sent once more after its connection broke. Default true. */
  readonly retryWrites?: boolean | undefined
  /** Whether a read is. Default true. */
  readonly retryReads?: boolean | undefined

  /** Connections to each server at the most. Default 100. */
  readonly maxPoolSize?: number | undefined
  /** Connections that are kept open. Default 0. */
  readonly minPoolSize?: number | undefined
  /** After how long an idle connection is closed. Default 0, for never. */
  readonly maxIdleTimeMS?: Ms | undefined
  /** How long an operation waits for a server that can be used. Default 1000. */
  readonly serverSelectionTimeoutMS?: Ms | undefined
  /** How long a connection may take to be made. Default 2000. */
  readonly connectTimeoutMS?: Ms | undefined
  /** After how long without a byte a connection on which answers are due is given up. Default 0, for never. */
  readonly socketTimeoutMS?: Ms | undefined
  /** How often the servers are looked at. Default 2000. */
  readonly heartbeatFrequencyMS?: Ms | undefined
  /** How what goes over the wire is compressed: `['zstd', 'zlib']`, … Default: it is not. */
  readonly compressors?: readonly string[] | string | undefined
  /** What the server calls us in its log. */
  readonly appName?: string | undefined
  readonly [option: string]: unknown
}
