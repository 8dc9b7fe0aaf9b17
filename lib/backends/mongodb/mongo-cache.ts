import type { BaseStorage } from '../../storage/base-storage.ts'
import { MongoStorage } from './mongo-storage.ts'
import { prepared } from '../../storage/prepared.ts'
import { serialized } from '../../serializers/serializer.ts'
import { BaseCache } from '../../cache/base-cache.ts'
import {
  createIndex,
  openCollection,
  openDatabase,
  type MongoCacheOptions,
} from './mongo-database.ts'

/** A cache in MongoDB: a document for each response. */
export class MongoCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage
  readonly #close: () => Promise<void>

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where MongoDB cannot hold the name */
  constructor(cacheName?: string | MongoCacheOptions, options?: MongoCacheOptions) {
    super()
    const database = openDatabase('mongodb', cacheName, options)
    const { ask, clock, writes, serializer } = database
    const open = (name: string): BaseStorage => {
      const documents = openCollection(database, name)
      // Drops documents at their own date, and never those without one.
      const ready = prepared(async () => {
        const expires = { expireAfterSeconds: 0 }
        const made = await createIndex(ask, documents, { expiresAt: 1 }, expires)
        if (!made) storage.expiresNothing()
      })
      const storage = new MongoStorage({ documents, ask, ready, clock, writes })
      return serialized(storage, serializer)
    }
    this.responses = open('responses')
    this.redirects = open('redirects')
    this.#close = database.close
  }

  protected override disconnect(): Promise<void> {
    return this.#close()
  }
}
