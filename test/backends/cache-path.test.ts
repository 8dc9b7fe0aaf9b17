import assert from 'node:assert/strict'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { cachePath, type CachePathOptions } from '../../lib/backends/cache-path.ts'

describe('cachePath', () => {
  const absolute = resolve('/x/y')
  const cases: [name: string, options: CachePathOptions, path: string][] = [
    ['cache', {}, resolve('cache')],
    ['a/b', {}, resolve('a/b')],
    [absolute, {}, absolute],
    ['~', {}, homedir()],
    ['~/a', {}, join(homedir(), 'a')],
    ['~a', {}, resolve('~a')],
    ['~/a', { useTemp: true }, join(homedir(), 'a')],
    ['a', { useTemp: true }, join(tmpdir(), 'a')],
    [absolute, { useTemp: true }, absolute],
    ['a', { useTemp: false, useCacheDir: false }, resolve('a')],
    [absolute, { useCacheDir: true }, absolute],
  ]
  for (const [name, options, path] of cases) {
    test(`${name} ${JSON.stringify(options)}`, () => assert.equal(cachePath(name, options), path))
  }

  test('the folder for caches wins over that for temporary files', () => {
    const path = cachePath('a', { useCacheDir: true })
    assert.ok(isAbsolute(path))
    assert.notEqual(path, join(tmpdir(), 'a'))
    assert.equal(cachePath('a', { useCacheDir: true, useTemp: true }), path)
  })

  test(
    'the folder for caches is the one the environment names',
    { skip: process.platform !== 'linux' && 'has another convention' },
    (t) => {
      const before = process.env['XDG_CACHE_HOME']
      t.after(() => {
        if (before === undefined) delete process.env['XDG_CACHE_HOME']
        else process.env['XDG_CACHE_HOME'] = before
      })
      process.env['XDG_CACHE_HOME'] = '/somewhere'
      assert.equal(cachePath('a', { useCacheDir: true }), '/somewhere/a')
      process.env['XDG_CACHE_HOME'] = ''
      assert.equal(cachePath('a', { useCacheDir: true }), join(homedir(), '.cache/a'))
    },
  )

  for (const name of ['', 'a\0b']) {
    test(`${JSON.stringify(name)} is refused`, () => {
      assert.throws(() => cachePath(name, {}), {
        name: 'TypeError',
        code: 'ERR_CACHE_OPTION_INVALID',
        message: /'cacheName'/,
      })
    })
  }
})
