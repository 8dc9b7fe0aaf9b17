import { join } from 'node:path'
import type { BaseStorage } from '../../storage/base-storage.ts'
import { FileStorage } from './file-storage.ts'
import { checkOptions, type Rules } from '../../check-options.ts'
import {
  serializedFiles,
  serializerRule,
  type SerializerOption,
} from '../../serializers/serializer.ts'
import { BaseCache } from '../../cache/base-cache.ts'
import { tuningRules, type CacheTuning } from '../../cache/tuning.ts'
import { cachePath, pathRules, type CachePathOptions } from '../cache-path.ts'
import { kindOfRecord } from '../../entries/record-keys.ts'

/** Options of `FileCache`. */
export interface FileCacheOptions
  extends CachePathOptions, SerializerOption, Pick<CacheTuning, 'maxCacheBytes'> {}

const rules: Rules<FileCacheOptions> = {
  ...pathRules,
  serializer: serializerRule,
  maxCacheBytes: tuningRules.maxCacheBytes,
}

/** A cache in a folder, with a file for each response. */
export class FileCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage
  /** Absolute. */
  readonly directory: string
  readonly #responses: FileStorage

  /** @param cacheName the folder; `~` is the home folder. Default `http_cache`. */
  constructor(cacheName = 'http_cache', options: FileCacheOptions = {}) {
    checkOptions(options, rules, ' of FileCache')
    // The system keeps what is read of files in memory itself, for all processes alike.
    super({ hotTierBytes: 0, maxCacheBytes: options.maxCacheBytes })
    this.directory = cachePath(cacheName, options)
    const { format, around } = serializedFiles(options.serializer)
    this.#responses = new FileStorage(join(this.directory, 'responses'), format)
    this.responses = around(this.#responses)
    this.redirects = around(new FileStorage(join(this.directory, 'redirects'), format))
  }

  /** The files of all stored responses: of `serializer: 'json'`, a file that a person can read. */
  async *paths(): AsyncIterable<string> {
    await this.flush()
    for await (const { key, path } of this.#responses.files())
      if (kindOfRecord(key) !== 'part') yield path
  }
}
