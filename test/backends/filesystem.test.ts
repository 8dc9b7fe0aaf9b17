import { join } from 'node:path'
import { FileStorage } from '../../lib/backends/filesystem.ts'
import { testStorage } from '../../lib/testing/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

const folder = temporaryFolder()
let opened = 0

testStorage('FileStorage', () => new FileStorage(join(folder, `storage${opened++}`)), {
  reopen: ({ directory }) => new FileStorage(directory),
})
