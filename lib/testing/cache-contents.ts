/** What a cache tells of its contents, how they are deleted, and that they are shared. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CacheError } from '../errors.ts'
import { contentsOf, eventually, type CacheBench, type CacheCheck } from './cache-check.ts'
import { assertRecord, recordOf } from './storage-check.ts'

/** How long what another process did may stay unseen. */
const seenWithin = 50

/** Registers the tests of contents; `checkShared` takes those of persistent caches. */
export function checkContents(check: CacheCheck, checkShared: CacheCheck): void {
  checkListings(check)
  checkDeletion(check)
  checkDamage(check)
  checkSharing(checkShared)
}

function checkListings(check: CacheCheck): void {
  check('size: counts responses, neither redirects nor parts', async (bench) => {
    assert.equal(await bench.cache.size(), 0)
    await storeSome(bench)
    assert.equal(await bench.cache.size(), 3)
    assert.ok((await bench.cache.responses.size()) > 3, 'the long body is not in parts')
  })

  check('urls: of each response once', async (bench) => {
    await storeSome(bench)
    const urls = await Array.fromAsync(bench.cache.urls())
    const paths = urls.map((url) => url.replace(bench.origin.url, ''))
    assert.deepEqual(paths.toSorted(), ['/long', '/plain', '/target'])
  })

  check('has: responses and redirects, and nothing else', async (bench) => {
    await storeSome(bench)
    const { cache, origin } = bench
    for (const path of ['/plain', '/long', '/moved', '/target']) {
      assert.equal(await cache.has(origin.url + path), true, path)
    }
    assert.equal(await cache.has(new URL(`${origin.url}/plain`)), true)
    assert.equal(await cache.has(`${origin.url}/other`), false)
    assert.equal(await cache.has({ url: `${origin.url}/plain`, method: 'HEAD' }), false)
  })

  check('history: of a response alone, and of what is not there', async (bench) => {
    await storeSome(bench)
    const url = `${bench.origin.url}/plain`
    const key = bench.cache.createKey(url)
    assert.deepEqual(await bench.cache.history(url), [{ url, status: 200, key }])
    assert.deepEqual(await bench.cache.history(`${bench.origin.url}/other`), [])
  })

  check('responses and redirects: are namespaces of their own', async ({ cache }) => {
    const { responses, redirects } = cache
    await responses.set('k', recordOf('response', 1))
    await redirects.set('k', recordOf('redirect', 2))
    await redirects.set('l', recordOf('redirect', 3))
    assertRecord(await responses.get('k'), recordOf('response', 1))
    assertRecord(await redirects.get('k'), recordOf('redirect', 2))
    assert.deepEqual([await responses.size(), await redirects.size()], [1, 2])
    await responses.clear()
    assert.deepEqual([await responses.size(), await redirects.size()], [0, 2])
    await responses.set('k', recordOf('response', 1))
    await redirects.clear()
    assert.deepEqual([await responses.size(), await redirects.size()], [1, 0])
  })
}

function checkDeletion(check: CacheCheck): void {
  check('delete: one response, and no other', async (bench) => {
    await storeSome(bench)
    const { cache, origin } = bench
    const before = await cache.responses.size()
    assert.equal(await cache.delete(`${origin.url}/plain`), true)
    assert.equal(await cache.responses.size(), before - 1)
    assert.equal(await cache.delete(`${origin.url}/long`), true)
    assert.equal(await cache.size(), 1)
    for (const path of ['/plain', '/long']) {
      assert.equal(await cache.has(origin.url + path), false, path)
    }
    assert.equal(await cache.has(`${origin.url}/target`), true)
    assert.equal(await cache.delete(`${origin.url}/plain`), false)
  })

  check('delete: what is deleted is asked for again', async (bench) => {
    const client = bench.client()
    await client.ask('/a')
    await client.ask('/a')
    await bench.cache.delete(`${bench.origin.url}/a`)
    const answer = await client.ask('/a')
    assert.equal(answer.hit, false)
    assert.equal(answer.body.toString(), 'GET /a 2')
  })

  check('delete: all variants', async (bench) => {
    bench.origin.answer(({ headers }, response) => {
      response.setHeader('vary', 'accept-language').end(`in ${headers['accept-language']}`)
    })
    const client = bench.client()
    const ask = async (): Promise<unknown[]> => {
      const hits = []
      for (const language of ['de', 'en', 'fr']) {
        hits.push((await client.ask('/a', { headers: { 'accept-language': language } })).hit)
      }
      return hits
    }
    await ask()
    assert.deepEqual(await ask(), [true, true, true])
    assert.equal(await bench.cache.delete(`${bench.origin.url}/a`), true)
    assert.equal(await bench.cache.size(), 0)
    assert.deepEqual(await ask(), [false, false, false])
  })

  check('delete: a redirect, and what it leads to', async (bench) => {
    await storeSome(bench)
    assert.equal(await bench.cache.delete(`${bench.origin.url}/moved`), true)
    assert.equal(await bench.cache.redirects.size(), 0)
    assert.equal(await bench.cache.has(`${bench.origin.url}/target`), false)
    assert.equal(await bench.cache.has(`${bench.origin.url}/plain`), true)
  })

  check('clear: everything', async (bench) => {
    await storeSome(bench)
    await bench.cache.clear()
    assert.deepEqual(await contentsOf(bench.cache), [])
    assert.equal(await bench.cache.size(), 0)
    assert.equal((await bench.client().ask('/plain')).hit, false)
  })
}

function checkDamage(check: CacheCheck): void {
  const damages: Readonly<Record<string, (bench: CacheBench) => Promise<void>>> = {
    'a head that is no JSON': async ({ cache }) => {
      for (const [key, record] of await contentsOf(cache)) {
        await cache.responses.set(key, { ...record, head: 'garbage' })
      }
    },
    'a body that is too short': async ({ cache }) => {
      for (const [key, record] of await contentsOf(cache)) {
        await cache.responses.set(key, { ...record, body: record.body.subarray(1) })
      }
    },
  }
  for (const [damage, inflict] of Object.entries(damages)) {
    check(`damage: ${damage} is reported, and the origin asked`, async (bench) => {
      const errors: CacheError[] = []
      const client = bench.client({ onError: (error) => errors.push(error) })
      await client.ask('/a')
      await inflict(bench)
      assert.equal((await client.ask('/a')).body.toString(), 'GET /a 2')
      assert.ok(errors.length > 0)
      for (const { code } of errors) assert.equal(code, 'ERR_CACHE_ENTRY_CORRUPT')
      assert.equal((await client.ask('/a')).hit, true)
    })
  }

  check('damage: a long body that lacks a part is asked for again', async (bench) => {
    const body = Buffer.alloc(3_000_003, 'long')
    bench.origin.answer((_, response) => response.end(body))
    const errors: CacheError[] = []
    const client = bench.client({ onError: (error) => errors.push(error) })
    await client.ask('/a')
    await bench.cache.flush()
    for await (const key of bench.cache.responses.keys()) {
      if (key.endsWith('.0')) await bench.cache.responses.delete(key)
    }
    assert.ok((await client.ask('/a')).body.equals(body))
    assert.equal(bench.origin.hits(), 2)
    await eventually(async () => errors.length > 0, 'the damage is reported')
    assert.equal(errors[0]?.code, 'ERR_CACHE_ENTRY_CORRUPT')
  })
}

function checkSharing(checkShared: CacheCheck): void {
  checkShared('reopen: what was stored outlives the cache', async (bench) => {
    await storeSome(bench)
    await bench.cache.close()
    const cache = await bench.reopen(bench.cache)
    assert.equal(await cache.size(), 3)
    const client = bench.client({ backend: cache })
    const before = bench.origin.hits()
    for (const path of ['/plain', '/long']) assert.equal((await client.ask(path)).hit, true)
    const { body, redirected } = await client.fetch('/moved')
    assert.deepEqual([body.toString(), redirected], ['GET /target', true])
    assert.equal(bench.origin.hits(), before)
  })

  checkShared('close: waits for a long response that is being stored', async (bench) => {
    const body = Buffer.alloc(3_000_003, 'long')
    bench.origin.answer((_, response) => response.end(body))
    await bench.client().ask('/long')
    await bench.cache.close()
    const cache = await bench.reopen(bench.cache)
    const answer = await bench.client({ backend: cache }).ask('/long')
    assert.equal(answer.hit, true)
    assert.ok(answer.body.equals(body))
  })

  checkShared('close: no part is left of what was deleted', async (bench) => {
    await storeSome(bench)
    await bench.cache.delete(`${bench.origin.url}/long`)
    await bench.cache.close()
    const { responses } = await bench.reopen(bench.cache)
    assert.equal(await responses.size(), 2)
  })

  checkShared('reopen: two caches see what the other stores, replaces, deletes', async (bench) => {
    const cache = await bench.reopen(bench.cache)
    const [here, there] = [bench.client(), bench.client({ backend: cache })]
    assert.equal((await here.ask('/a')).body.toString(), 'GET /a 1')
    await bench.cache.flush()
    for (const _ of [1, 2]) assert.equal((await there.ask('/a')).body.toString(), 'GET /a 1')

    await here.caching.with({ forceRefresh: true }, () => here.ask('/a'))
    await bench.cache.flush()
    await sleep(seenWithin)
    assert.equal((await there.ask('/a')).body.toString(), 'GET /a 2', 'what was replaced is served')

    await bench.cache.delete(`${bench.origin.url}/a`)
    await sleep(seenWithin)
    assert.equal((await there.ask('/a')).body.toString(), 'GET /a 3', 'what was deleted is served')
  })

  checkShared('reopen: clearing one clears the other', async (bench) => {
    const cache = await bench.reopen(bench.cache)
    const [here, there] = [bench.client(), bench.client({ backend: cache })]
    await here.ask('/a')
    await bench.cache.flush()
    assert.equal((await there.ask('/a')).hit, true)
    await bench.cache.clear()
    await sleep(seenWithin)
    assert.equal((await there.ask('/a')).hit, false)
  })
}

// A plain response, a long one that is stored in parts, and a redirect to a third.
async function storeSome({ origin, cache, client: openClient }: CacheBench): Promise<void> {
  origin.answer(({ path, method }, response) => {
    if (path === '/moved') response.writeHead(302, { location: '/target' }).end()
    else response.end(path === '/long' ? Buffer.alloc(3_000_003, 'long') : `${method} ${path}`)
  })
  const client = openClient()
  await client.ask('/plain')
  await client.ask('/long')
  await client.fetch('/moved')
  await cache.flush()
}
