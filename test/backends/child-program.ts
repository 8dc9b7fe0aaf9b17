/** What a child process of these tests does: `child-program.ts command backend path …`. */
import assert from 'node:assert/strict'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { wholeOf, writeOf } from './writes.ts'

const [command = '', backend = '', path = '', ...args] = process.argv.slice(2)
const cache: BaseCache = backend === 'sqlite' ? new SQLiteCache(path) : new FileCache(path)

const commands: Readonly<Record<string, () => Promise<void>>> = {
  // Ends at once, with the write not yet awaited.
  async exit() {
    void cache.responses.set('last', writeOf(1))
    process.exit(0)
  },

  // Writes keys of its own and keys of all, and reads what others write.
  async share() {
    const [name = ''] = args
    for (let i = 0; i < 100; i++) {
      await cache.responses.set(`${name}.${i}`, writeOf(i))
      await cache.responses.set(`shared.${i % 5}`, writeOf(i))
      wholeOf(await cache.responses.get(`shared.${(i + 1) % 5}`))
      const own = await cache.responses.get(`${name}.${i}`)
      assert.equal(own?.head, String(i))
    }
    await cache.close()
  },

  // Opens many caches in a row that others begin at the same moment.
  async begin() {
    for (let i = 0; i < 150; i++) {
      await (backend === 'sqlite' ? new SQLiteCache(`${path}${i}`) : new FileCache(path)).close()
    }
  },

  // Goes on until it is killed; says so when the first round is written.
  async endless() {
    for (let i = 0; ; i++) {
      const written = [0, 1, 2, 3].map(async (k) =>
        cache.responses.set(`k${(i + k) % 20}`, writeOf(i, 100_000)),
      )
      await Promise.all(written)
      if (i === 20) process.stdout.write('writing\n')
    }
  },
}

await commands[command]?.()
