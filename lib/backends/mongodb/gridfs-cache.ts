import type { BaseStorage } from '../../storage/base-storage.ts'
import { GridFSStorage, type GridFSBucket } from './gridfs-storage.ts'
import { prepared } from '../../storage/prepared.ts'
import { serialized } from '../../serializers/serializer.ts'
import { BaseCache } from '../../cache/base-cache.ts'
import {
  createIndex,
  openCollection,
  openDatabase,
  type MongoCacheOptions,
} from './mongo-database.ts'

/** A cache in MongoDB's GridFS: bodies in buckets, their heads beside them. */
export class GridFSCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage
  readonly #close: () => Promise<void>

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where MongoDB cannot hold the name */
  constructor(cacheName?: string | MongoCacheOptions, options?: MongoCacheOptions) {
    super()
    const opened = openDatabase('gridfs', cacheName, options)
    const { driver, database, prefix, ask, clock, writes, serializer } = opened
    const open = (name: string): BaseStorage => {
      const documents = openCollection(opened, `${name}.heads`)
      const files = openCollection(opened, `${name}.files`)
      const chunks = openCollection(opened, `${name}.chunks`)
      const bucketName = prefix + name
      const bucket = new driver.GridFSBucket(database, { bucketName }) as GridFSBucket
      const ready = prepared(async () => {
        // The bucket would make its own with the first file, which others would not wait for.
        await createIndex(ask, files, { filename: 1, uploadDate: 1 })
        await createIndex(ask, chunks, { files_id: 1, n: 1 }, { unique: true })
        await createIndex(ask, documents, { expiresAt: 1 })
      })
      const storage = new GridFSStorage({
        documents,
        files,
        chunks,
        bucket,
        ask,
        ready,
        clock,
        writes,
      })
      return serialized(storage, serializer)
    }
    this.responses = open('responses')
    this.redirects = open('redirects')
    this.#close = opened.close
  }

  protected override disconnect(): Promise<void> {
    return this.#close()
  }
}
