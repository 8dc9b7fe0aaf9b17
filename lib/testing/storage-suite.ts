/**
 * What every storage promises: one test for each sentence of the contract at the top of
 * `base-storage.ts`. The name of a test begins with the method that it is about.
 */
import { describe } from 'node:test'
import type { BaseStorage } from '../storage/base-storage.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { checkBulk } from './storage-bulk.ts'
import { checkSharedWith, checkWith, type StorageSource } from './storage-check.ts'
import { checkGroups } from './storage-groups.ts'
import { checkKeys } from './storage-keys.ts'
import { checkRecords } from './storage-records.ts'
import { checkSharing } from './storage-sharing.ts'

/** What else the suite is told about a storage. */
export interface StorageSuiteOptions<S extends BaseStorage> {
  /**
   * A second storage over the namespace of the given one, which may be open or closed. Without it,
   * what persistent storages promise each other is skipped.
   */
  readonly reopen?: ((storage: S) => MaybePromise<BaseStorage>) | undefined
  /**
   * How many records the tests of listings and bulk operations store; it has to be more than the
   * storage reads or writes at once. For slow servers. Default 1200.
   */
  readonly records?: number | undefined
}

/**
 * Registers the tests of the storage contract with `node:test`.
 * @param open gives an empty storage over a namespace of its own, at each call another
 */
export function testStorage<S extends BaseStorage>(
  name: string,
  open: () => MaybePromise<S>,
  options: StorageSuiteOptions<S> = {},
): void {
  const { records = 1_200 } = options
  // It is only ever given what `open` returned.
  const reopen = options.reopen as StorageSource['reopen']
  const source: StorageSource = { open, reopen, records }
  describe(`${name} keeps the storage contract`, () => {
    const check = checkWith(source)
    checkRecords(check)
    checkKeys(check)
    checkBulk(check)
    checkGroups(check)
    checkSharing(check, checkSharedWith(source))
  })
}
