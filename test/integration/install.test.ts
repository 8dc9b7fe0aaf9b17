import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, getGlobalDispatcher, request, setGlobalDispatcher, type Dispatcher } from 'undici'
import { installCache, installedCache, uninstallCache } from '../../lib/install.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

test('installCache() and uninstallCache(): under global fetch, nested, and gone again', async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
  const ask = async (): Promise<string> => (await fetch(origin.url)).text()
  const before = getGlobalDispatcher()

  const outer = installCache({ backend: 'memory' })
  assert.deepEqual([await ask(), await ask()], ['1', '1'])
  const inner = installCache({ backend: 'memory' })
  assert.deepEqual([await ask(), await ask()], ['2', '2'])
  assert.equal(await outer.cache.size(), 1)
  await uninstallCache()
  assert.equal(await ask(), '1', 'the outer cache is back')
  await uninstallCache(outer)
  assert.equal(getGlobalDispatcher(), before)
  assert.equal(await ask(), '3')
  await uninstallCache()
  await uninstallCache(inner)
  assert.equal(getGlobalDispatcher(), before)
})

test('await using: gone at the end of the block', async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
  const ask = async (): Promise<string> => (await fetch(origin.url)).text()
  const before = getGlobalDispatcher()
  assert.equal(installedCache(), undefined)
  {
    await using caching = installCache({ backend: 'memory' })
    assert.equal(installedCache(), caching)
    assert.deepEqual([await ask(), await ask()], ['1', '1'])
  }
  assert.equal(installedCache(), undefined)
  assert.equal(getGlobalDispatcher(), before)
  assert.deepEqual([await ask(), await ask()], ['2', '3'])
})

test('the cache below is taken away first, and the one above stays', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  const before = getGlobalDispatcher()
  const below = installCache({ backend: 'memory' })
  const above = installCache({ backend: 'memory' })
  await uninstallCache(below)
  for (const hit of [false, true]) {
    const response = await fetch(origin.url)
    await response.text()
    assert.equal(getCacheInfo(response)?.hit, hit)
  }
  await uninstallCache(above)
  assert.equal(getGlobalDispatcher(), before)
})

test('what is left alone goes through, whichever undici is below: streams, `disabled`, closed', async (t) => {
  const origin = await startOrigin(t, ({ path }, response) => response.end(path))
  const caching = installCache({ backend: 'memory' })
  t.after(() => uninstallCache(caching))
  const accept = { headers: { accept: 'text/event-stream' } }
  const askers = [
    async (path: string, init = {}) => (await fetch(origin.url + path, init)).text(),
    async (path: string, init = {}) => (await request(origin.url + path, init)).body.text(),
  ]
  for (const ask of askers) {
    assert.equal(await ask('/stream', accept), '/stream')
    assert.equal(await caching.with({ disabled: true }, () => ask('/disabled')), '/disabled')
  }
  await caching.close()
  for (const ask of askers) assert.equal(await ask('/closed'), '/closed')
  assert.equal(origin.requests.length, 6)
})

test('a global dispatcher that cannot be composed with, as that of Bun: told what to do', (t) => {
  const before = getGlobalDispatcher()
  t.after(() => setGlobalDispatcher(before))
  const compose = { value: undefined }
  setGlobalDispatcher(Object.create(before, { compose }) as Dispatcher)
  assert.throws(() => installCache({ backend: 'memory' }), {
    name: 'TypeError',
    code: 'ERR_CACHE_RUNTIME_UNSUPPORTED',
    message: /Bun.*cacheInterceptor\(\).*Agent.*'dispatcher'/,
  })
  assert.equal(installedCache(), undefined)
})

for (const size of [5, 3 * 2 ** 20]) {
  test(`resource timing of a hit has its responseStart: ${size} bytes`, async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end(Buffer.alloc(size)))
    const folder = temporaryFolder(t)
    const caching = installCache({ backend: 'filesystem', cacheName: join(folder, 'cache') })
    t.after(() => uninstallCache(caching))
    performance.clearResourceTimings()
    for (let round = 0; round < 2; round++) {
      await (await fetch(origin.url)).arrayBuffer()
      await caching.cache.flush()
    }
    const starts = (): number[] =>
      performance
        .getEntriesByName(`${origin.url}/`, 'resource')
        .map((entry) => Reflect.get(entry, 'responseStart') as number)
    while (starts().length < 2) await sleep(5)
    assert.equal(origin.requests.length, 1)
    for (const start of starts()) assert.ok(start > 0, String(start))
  })
}

test("somebody else's dispatcher stays, and a closed cache only passes on", async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
  const before = getGlobalDispatcher()
  t.after(() => setGlobalDispatcher(before))
  const caching = installCache({ backend: 'memory' })
  const theirs = getGlobalDispatcher().compose(
    (dispatch) => (options, handler) => dispatch(options, handler),
  )
  setGlobalDispatcher(theirs)
  await uninstallCache(caching)
  assert.equal(getGlobalDispatcher(), theirs)
  const ask = async (): Promise<string> => (await fetch(origin.url)).text()
  assert.deepEqual([await ask(), await ask()], ['1', '2'])
})

test('a client of its own is not touched', async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
  installCache({ backend: 'memory' })
  t.after(() => uninstallCache())
  const dispatcher = new Agent()
  t.after(() => dispatcher.destroy())
  const ask = async (): Promise<string> => (await request(origin.url, { dispatcher })).body.text()
  assert.deepEqual([await ask(), await ask()], ['1', '2'])
})
