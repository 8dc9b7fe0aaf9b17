/** Whatever the serializer, a storage keeps the contract of storages. */
import { join } from 'node:path'
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { serialized } from '../../lib/serializers/serializer.ts'
import { testStorage } from '../../lib/testing/index.ts'
import { temporaryFolder } from '../backends/temporary-folder.ts'
import { everySerializer, serializersOfFiles } from './every-serializer.ts'

const folder = temporaryFolder()
const paths = new WeakMap<BaseStorage, string>()
let opened = 0

function testPersistent(name: string, open: (path: string) => SQLiteCache | FileCache): void {
  const openStorage = (path: string): BaseStorage => {
    const { responses } = open(path)
    paths.set(responses, path)
    return responses
  }
  testStorage(name, () => openStorage(join(folder, String(opened++))), {
    reopen: (storage) => openStorage(paths.get(storage)!),
  })
}

for (const [name, serializer] of Object.entries(everySerializer)) {
  testStorage(`memory with ${name}`, () => serialized(new MemoryStorage(), serializer))
  testPersistent(`sqlite with ${name}`, (path) => new SQLiteCache(path, { serializer }))
}

for (const [name, serializer] of Object.entries(serializersOfFiles)) {
  testPersistent(`filesystem with ${name}`, (path) => new FileCache(path, { serializer }))
}
