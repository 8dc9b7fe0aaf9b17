import type { BaseStorage } from '../../storage/base-storage.ts'
import { SqliteConnection, type SqliteOptions } from './sqlite-connection.ts'
import { SQLiteStorage } from './sqlite-storage.ts'
import { checkOptions, isBoolean, isMs, isOneOf, type Rules } from '../../check-options.ts'
import { serialized } from '../../serializers/serializer.ts'
import { BaseCache } from '../../cache/base-cache.ts'
import { tuningRules, type CacheTuning } from '../../cache/tuning.ts'
import { pathRules, sqlitePath, type CachePathOptions } from '../cache-path.ts'

/** Options of `SQLiteCache`. */
export interface SQLiteCacheOptions extends SqliteOptions, CachePathOptions, CacheTuning {}

const rules: Rules<SQLiteCacheOptions> = {
  ...tuningRules,
  ...pathRules,
  timeout: isMs,
  onCorrupt: isOneOf('error', 'replace'),
  fastSave: isBoolean,
}

/** A cache in one SQLite file, which any number of processes may share. */
export class SQLiteCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage
  /** Absolute, or `:memory:`. */
  readonly path: string
  readonly #connection: SqliteConnection

  /**
   * Opens the file, and makes it where it is not there.
   * @param cacheName its path; `.sqlite` is added to a name without an ending, `~` is the home
   * folder, and `:memory:` is a database of this instance alone. Default `http_cache`.
   * @throws CacheError ERR_CACHE_DRIVER_MISSING, ERR_CACHE_FILE_CORRUPT, ERR_CACHE_FILE_FOREIGN,
   * ERR_CACHE_FILE_NEWER, ERR_CACHE_STORAGE_FAILED
   */
  constructor(cacheName = 'http_cache', options: SQLiteCacheOptions = {}) {
    checkOptions(options, rules, ' of SQLiteCache')
    super(options)
    this.path = cacheName === ':memory:' ? cacheName : sqlitePath(cacheName, options)
    this.#connection = new SqliteConnection(this.path, options)
    const open = (table: 'responses' | 'redirects'): BaseStorage =>
      serialized(new SQLiteStorage(this.#connection, table), options.serializer)
    this.responses = open('responses')
    this.redirects = open('redirects')
  }
}
