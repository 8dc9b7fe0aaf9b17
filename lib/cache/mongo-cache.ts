import { MongoStorage } from '../backends/mongodb.ts'
import { BaseCache } from './base-cache.ts'
import { prepared } from './cache-arguments.ts'
import { createTtlIndex, openDatabase, type MongoCacheOptions } from './mongo-database.ts'

/** A cache in MongoDB: a document for each response. */
export class MongoCache extends BaseCache {
  override readonly responses: MongoStorage
  override readonly redirects: MongoStorage
  readonly #close: () => Promise<void>

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where a database cannot have the name */
  constructor(cacheName?: string | MongoCacheOptions, options?: MongoCacheOptions) {
    super()
    const { database, close } = openDatabase('mongodb', cacheName, options)
    const open = (name: string): MongoStorage => {
      const storage = new MongoStorage(
        prepared(async () => {
          const collection = database.collection(name)
          if (!(await createTtlIndex(collection))) storage.expiresNothing()
          return collection
        }),
      )
      return storage
    }
    this.responses = open('responses')
    this.redirects = open('redirects')
    this.#close = close
  }

  protected override disconnect(): Promise<void> {
    return this.#close()
  }
}
