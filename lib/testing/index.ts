// Conformance suites for storages and caches of your own, each name on a line of its own.
export { testStorage } from './storage-suite.ts'
export type { StorageSuiteOptions } from './storage-suite.ts'
export { testCache } from './cache-suite.ts'
export type { CacheSuiteOptions } from './cache-suite.ts'
