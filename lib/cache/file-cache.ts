import { join } from 'node:path'
import { FileStorage } from '../backends/filesystem.ts'
import { checkOptions } from '../check-options.ts'
import { BaseCache } from './base-cache.ts'
import { isPartKey } from './body-parts.ts'
import { cachePath, pathRules, type CachePathOptions } from './cache-path.ts'

/** Options of `FileCache`. */
export interface FileCacheOptions extends CachePathOptions {}

/** A cache in a folder, with a file for each response. */
export class FileCache extends BaseCache {
  override readonly responses: FileStorage
  override readonly redirects: FileStorage
  /** Absolute. */
  readonly directory: string

  /** @param cacheName the folder; `~` is the home folder. Default `http_cache`. */
  constructor(cacheName = 'http_cache', options: FileCacheOptions = {}) {
    checkOptions(options, pathRules, ' of FileCache')
    // The system keeps what is read of files in memory itself, for all processes alike.
    super({ hotTierBytes: 0 })
    this.directory = cachePath(cacheName, options)
    this.responses = new FileStorage(join(this.directory, 'responses'))
    this.redirects = new FileStorage(join(this.directory, 'redirects'))
  }

  /** The files of all stored responses. */
  async *paths(): AsyncIterable<string> {
    for await (const key of this.responses.keys()) {
      if (!isPartKey(key)) yield this.responses.pathOf(key)
    }
  }
}
