/** What a list of broken adapters looks like. */
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'

/** What a suite is run on. */
export interface Subject<T> {
  readonly open: () => T
  readonly reopen?: (opened: T) => T
}

/** Broken storages by what is wrong with them; each call opens one. */
export type StorageMutants = Readonly<Record<string, (() => BaseStorage) | Subject<BaseStorage>>>

/** Broken caches, likewise. */
export type CacheMutants = Readonly<Record<string, (() => BaseCache) | Subject<BaseCache>>>
