import { join } from 'node:path'
import { FileStorage } from '../../../lib/backends/filesystem/file-storage.ts'
import { FileCache } from '../../../lib/backends/filesystem/file-cache.ts'
import { testCache, testStorage } from '../../../lib/testing/index.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const folder = temporaryFolder()
let opened = 0

testStorage('FileStorage', () => new FileStorage(join(folder, `storage${opened++}`)), {
  reopen: ({ directory }) => new FileStorage(directory),
})

testCache('FileCache', () => new FileCache(join(folder, `cache${opened++}`)), {
  reopen: ({ directory }) => new FileCache(directory),
})
