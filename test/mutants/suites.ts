/** Every subject, sound or broken, with the suite that it is for. */
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { testCache, testStorage } from '../../lib/testing/index.ts'
import { bulkMutants } from './bulk-mutants.ts'
import { cacheMutants, soundCaches } from './cache-mutants.ts'
import { keyMutants } from './key-mutants.ts'
import type { CacheMutants, StorageMutants, Subject } from './mutant.ts'
import { recordMutants } from './record-mutants.ts'
import { sharingMutants } from './sharing-mutants.ts'
import { SharedStorage } from './shared-storage.ts'

const soundStorages: StorageMutants = {
  MemoryStorage: () => new MemoryStorage(),
  SharedStorage: {
    open: () => new SharedStorage(),
    reopen: (opened) => new SharedStorage((opened as SharedStorage).records),
  },
}

/** One run of a suite. */
export interface Run {
  readonly name: string
  /** Whether the suite must fail. */
  readonly broken: boolean
  readonly register: () => void
}

/** All runs; the child process takes one of them by its number. */
export const runs: readonly Run[] = [
  ...storageRuns(soundStorages, false),
  ...cacheRuns(soundCaches, false),
  ...storageRuns({ ...recordMutants, ...keyMutants, ...bulkMutants, ...sharingMutants }, true),
  ...cacheRuns(cacheMutants, true),
]

function storageRuns(subjects: StorageMutants, broken: boolean): Run[] {
  return Object.entries(subjects).map(([name, subject]) => ({
    name: `storage: ${name}`,
    broken,
    register: () => {
      const { open, reopen } = subjectOf(subject)
      testStorage(name, open, { reopen })
    },
  }))
}

function cacheRuns(subjects: CacheMutants, broken: boolean): Run[] {
  return Object.entries(subjects).map(([name, subject]) => ({
    name: `cache: ${name}`,
    broken,
    register: () => {
      const { open, reopen } = subjectOf(subject)
      testCache(name, open, { reopen })
    },
  }))
}

function subjectOf<T>(subject: (() => T) | Subject<T>): Subject<T> {
  return typeof subject === 'function' ? { open: subject } : subject
}

// As a program: `suites.ts number` runs that suite under node:test.
const [, program, number] = process.argv
if (program === import.meta.filename) runs[Number(number)]?.register()
