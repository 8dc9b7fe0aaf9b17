import { join } from 'node:path'
import type { BaseStorage } from '../../../lib/storage/base-storage.ts'
import { SQLiteCache } from '../../../lib/backends/sqlite/sqlite-cache.ts'
import { testCache, testStorage } from '../../../lib/testing/index.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const folder = temporaryFolder()
const paths = new WeakMap<BaseStorage, string>()
let opened = 0

function openStorage(path: string): BaseStorage {
  const { responses } = new SQLiteCache(path)
  paths.set(responses, path)
  return responses
}

testStorage('SQLiteStorage', () => openStorage(join(folder, `storage${opened++}`)), {
  reopen: (storage) => openStorage(paths.get(storage) ?? ''),
})

testCache('SQLiteCache', () => new SQLiteCache(join(folder, `cache${opened++}`)), {
  reopen: ({ path }) => new SQLiteCache(path),
})
