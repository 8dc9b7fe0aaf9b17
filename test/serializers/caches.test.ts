/** Whatever the serializer, a cache keeps its promises. */
import { join } from 'node:path'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { testCache } from '../../lib/testing/index.ts'
import { temporaryFolder } from '../backends/temporary-folder.ts'
import { everySerializer, serializersOfFiles } from './every-serializer.ts'

const folder = temporaryFolder()
let opened = 0

function newPath(): string {
  return join(folder, String(opened++))
}

for (const [name, serializer] of Object.entries(everySerializer)) {
  testCache(`memory with ${name}`, () => new BaseCache({ serializer }))
  testCache(`sqlite with ${name}`, () => new SQLiteCache(newPath(), { serializer }), {
    reopen: ({ path }) => new SQLiteCache(path, { serializer }),
  })
}

for (const [name, serializer] of Object.entries(serializersOfFiles)) {
  testCache(`filesystem with ${name}`, () => new FileCache(newPath(), { serializer }), {
    reopen: ({ directory }) => new FileCache(directory, { serializer }),
  })
}
