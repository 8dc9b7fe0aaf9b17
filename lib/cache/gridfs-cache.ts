import { GridFSStorage, type GridFSBucket } from '../backends/gridfs.ts'
import { BaseCache } from './base-cache.ts'
import { prepared } from './cache-arguments.ts'
import { openDatabase, type MongoCacheOptions } from './mongo-database.ts'

/** A cache in MongoDB's GridFS: bodies in buckets, their heads beside them. */
export class GridFSCache extends BaseCache {
  override readonly responses: GridFSStorage
  override readonly redirects: GridFSStorage
  readonly #close: () => Promise<void>

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where a database cannot have the name */
  constructor(cacheName?: string | MongoCacheOptions, options?: MongoCacheOptions) {
    super()
    const { driver, database, close } = openDatabase('gridfs', cacheName, options)
    const open = (name: string): GridFSStorage =>
      new GridFSStorage(
        prepared(async () => {
          const [heads, files, chunks] = [`${name}.heads`, `${name}.files`, `${name}.chunks`].map(
            (each) => database.collection(each),
          ) as [
            ReturnType<typeof database.collection>,
            ReturnType<typeof database.collection>,
            ReturnType<typeof database.collection>,
          ]
          await chunks.createIndex({ files_id: 1, n: 1 }, { unique: true })
          await heads.createIndex({ expiresAt: 1 })
          const bucket = new driver.GridFSBucket(database, { bucketName: name }) as GridFSBucket
          return { heads, files, chunks, bucket }
        }),
      )
    this.responses = open('responses')
    this.redirects = open('redirects')
    this.#close = close
  }

  protected override disconnect(): Promise<void> {
    return this.#close()
  }
}
