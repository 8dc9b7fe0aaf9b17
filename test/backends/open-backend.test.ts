import assert from 'node:assert/strict'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { openBackend } from '../../lib/backends/open-backend.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'

describe('openBackend', () => {
  const classes: [alias: string | undefined, kind: typeof BaseCache | typeof FileCache][] = [
    ['memory', BaseCache],
    ['filesystem', FileCache],
    ['sqlite', SQLiteCache as unknown as typeof BaseCache],
    [undefined, SQLiteCache as unknown as typeof BaseCache],
  ]
  for (const [alias, kind] of classes) {
    test(`${alias ?? 'no alias'} makes a ${kind.name}`, async (t) => {
      const folder = await temporaryFolder(t)
      const cache = openBackend(alias, join(folder, 'cache'))
      assert.equal(cache.constructor, kind)
      await cache.close()
    })
  }

  test('name and options are those of the class', async (t) => {
    const folder = await temporaryFolder(t)
    const cache = openBackend('filesystem', join(folder, 'named'))
    assert.equal((cache as FileCache).directory, join(folder, 'named'))
    await cache.close()
    assert.throws(() => openBackend('filesystem', folder, { hotTierBytes: -1 }), /'hotTierBytes'/)
    assert.throws(() => openBackend('memory', undefined, { useTemp: true }), {
      code: 'ERR_CACHE_OPTION_UNKNOWN',
    })
  })

  const unknown: [alias: string, message: RegExp][] = [
    ['sqlit', /unknown backend 'sqlit'; .*sqlite.*; did you mean 'sqlite'\?/],
    ['Memory', /did you mean 'memory'/],
    ['somewhere-else', /unknown backend 'somewhere-else'; there are [^;]*$/],
    ['toString', /unknown backend 'toString'/],
    ['__proto__', /unknown backend '__proto__'/],
    ['', /unknown backend ''/],
  ]
  for (const [alias, message] of unknown) {
    test(`'${alias}' is refused`, () => {
      assert.throws(() => openBackend(alias, undefined), {
        name: 'TypeError',
        code: 'ERR_CACHE_BACKEND_UNKNOWN',
        message,
      })
    })
  }
})

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}
