import type { BaseStorage } from '../../storage/base-storage.ts'
import { DynamoDbStorage } from './dynamodb-storage.ts'
import { sending, sendingTo, type DynamoDbClient, type DynamoDbDriver } from './dynamodb-table.ts'
import { loadDriver } from '../../storage/load-driver.ts'
import { PendingOperations } from '../../storage/pending-operations.ts'
import { WriteQueue } from '../../storage/write-queue.ts'
import { invalidOption } from '../../errors.ts'
import { serialized, type SerializerOption } from '../../serializers/serializer.ts'
import type { Ms } from '../../units.ts'
import { BaseCache } from '../../cache/base-cache.ts'
import { cacheArguments, checkTimeout } from '../cache-arguments.ts'

/**
 * The options of `DynamoDBClient` that are used most, and ours. All others of its options are handed
 * on as they are; what is not given comes from where the SDK finds it: environment, profile, role.
 */
export interface DynamoDbCacheOptions extends SerializerOption {
  /** Name of the table. Default `http_cache`. */
  readonly cacheName?: string | undefined
  /** A `DynamoDBClient` that is ready; it is neither closed nor changed. */
  readonly connection?: DynamoDbClient | undefined
  /** Whether to make the table where there is none, and to switch its TTL on. Default true. */
  readonly createTable?: boolean | undefined
  /** Whether reads see every write that has ended; they cost twice as much. Default true. */
  readonly consistentRead?: boolean | undefined
  /** How long an operation may take, all its attempts included. Default 5000. */
  readonly operationTimeout?: Ms | undefined
  /** Such as `eu-central-1`. */
  readonly region?: string | undefined
  /** Of another server than Amazon's, such as `http://127.0.0.1:8000`. */
  readonly endpoint?: string | undefined
  /** Keys, or a function that gets some. */
  readonly credentials?: DynamoDbCredentials | (() => Promise<DynamoDbCredentials>) | undefined
  /** Of the files of the AWS command line. */
  readonly profile?: string | undefined
  /** How often a request is sent that fails or is throttled. Default 3. */
  readonly maxAttempts?: number | undefined
  /** How it waits between them: `'standard'`, or `'adaptive'`, which also slows down. Default `'standard'`. */
  readonly retryMode?: 'standard' | 'adaptive' | undefined
  /** Timeouts and agents of the connections, or a handler from `@smithy/node-http-handler`. */
  readonly requestHandler?: object | undefined
  readonly [option: string]: unknown
}

/** What a request is signed with. */
export interface DynamoDbCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary ones. */
  readonly sessionToken?: string | undefined
}

// The SDK has 50 connections; reads need some, and a server that throttles gets no faster by more.
const writeLimits = { atOnce: 32, bytesAtOnce: 8 * 2 ** 20 }

/** A cache in DynamoDB: an item for each response. */
export class DynamoDbCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage
  readonly #own: DynamoDbClient | undefined
  readonly #waiting: PendingOperations

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where a table cannot have the name */
  constructor(cacheName?: string | DynamoDbCacheOptions, given?: DynamoDbCacheOptions) {
    super()
    const { cacheName: table, options } = cacheArguments(cacheName, given)
    const {
      connection,
      createTable = true,
      consistentRead = true,
      operationTimeout = 5_000,
      serializer,
      ...own
    } = options as DynamoDbCacheOptions
    if (!/^[\w.-]{3,255}$/.test(table)) {
      throw invalidOption('cacheName', 'a name for a table: 3 to 255 of a-z A-Z 0-9 _ - .', table)
    }
    const driver = loadDriver('dynamodb', '@aws-sdk/client-dynamodb') as DynamoDbDriver
    const client = connection ?? new driver.DynamoDBClient(own)
    this.#own = connection === undefined ? client : undefined
    checkTimeout('operationTimeout', operationTimeout)
    this.#waiting = new PendingOperations('DynamoDB', operationTimeout)
    const send = sending(driver, client, this.#waiting)
    const sendTo = sendingTo(send, table, createTable)
    const writes = new WriteQueue('DynamoDB', writeLimits)
    const serverAhead = (): Ms => aheadOf(client.config?.systemClockOffset ?? 0)
    const open = (name: string): BaseStorage => {
      const where = { table, name, consistentRead, writes, serverAhead }
      return serialized(new DynamoDbStorage(sendTo, where), serializer)
    }
    this.responses = open('responses')
    this.redirects = open('redirects')
  }

  protected override async disconnect(): Promise<void> {
    this.#waiting.close()
    this.#own?.destroy()
  }
}

// The SDK compares its clock with a Date in whole seconds, of a response that was some time on its way.
// A record must not go early: what may be no difference counts as none, any other as a little more.
const clockError: Ms = 2_000

function aheadOf(offset: Ms): Ms {
  return Math.abs(offset) < clockError ? 0 : offset + clockError
}
