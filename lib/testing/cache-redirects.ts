/** Chains of redirects: replayed as they were, their end stored once. */
import assert from 'node:assert/strict'
import { interceptors } from 'undici'
import { contentsOf, type CacheBench, type CacheCheck } from './cache-check.ts'

/** Registers the tests of redirects. */
export function checkRedirects(check: CacheCheck): void {
  for (const status of [301, 302, 303, 307, 308]) {
    check(`redirects: chains of ${status} under fetch, hop by hop`, async (bench) => {
      answerWithChains(bench, status)
      const client = bench.client()
      for (const hops of [1, 2, 3, 4]) {
        await bench.cache.clear()
        for (const hit of [false, true]) {
          const before = bench.origin.hits()
          const answer = await client.fetch(`/chain/${hops}`)
          assert.equal(answer.body.toString(), 'the end')
          assert.equal(answer.url, `${bench.origin.url}/chain/0`)
          assert.equal(answer.redirected, true)
          assert.equal(bench.origin.hits() - before, hit ? 0 : hops + 1)
        }
        assert.equal((await client.ask('/chain/0')).hit, true, 'the last URL is no hit')
        await assertBodyOnce(bench)
        const steps = await bench.cache.history(`${bench.origin.url}/chain/${hops}`)
        assert.deepEqual(
          steps.map((step) => step.url),
          urlsOf(bench, hops),
        )
        assert.deepEqual(
          steps.map((step) => step.status),
          [...Array<number>(hops).fill(status), 200],
        )
      }
    })

    check(`redirects: chains of ${status}, followed below the cache`, async (bench) => {
      answerWithChains(bench, status)
      const client = bench.client({}, [interceptors.redirect({ maxRedirections: 5 })])
      for (const hops of [1, 2, 3, 4]) {
        await bench.cache.clear()
        for (const hit of [false, true]) {
          const before = bench.origin.hits()
          const answer = await client.ask(`/chain/${hops}`)
          assert.equal(answer.body.toString(), 'the end')
          assert.deepEqual(answer.history, urlsOf(bench, hops))
          assert.equal(bench.origin.hits() - before, hit ? 0 : hops + 1)
        }
        assert.equal((await client.ask('/chain/0')).hit, true, 'the last URL is no hit')
        await assertBodyOnce(bench)
        const steps = await bench.cache.history(`${bench.origin.url}/chain/${hops}`)
        assert.deepEqual(
          steps.map((step) => step.url),
          urlsOf(bench, hops),
        )
      }
    })
  }

  check('redirects: one that is not followed is a response like any other', async (bench) => {
    bench.origin.answer((_, response) =>
      response.writeHead(301, { location: '/elsewhere' }).end('moved'),
    )
    const client = bench.client()
    for (const hits of [1, 1]) {
      const answer = await client.ask('/a')
      assert.equal(answer.status, 301)
      assert.equal(answer.headers['location'], '/elsewhere')
      assert.equal(answer.body.toString(), 'moved')
      assert.equal(bench.origin.hits(), hits)
    }
  })

  check('redirects: a chain whose end is deleted is asked for again', async (bench) => {
    answerWithChains(bench, 301)
    const client = bench.client()
    await client.fetch('/chain/2')
    assert.equal(await bench.cache.delete(`${bench.origin.url}/chain/0`), true)
    const answer = await client.fetch('/chain/2')
    assert.equal(answer.body.toString(), 'the end')
    assert.equal(bench.origin.hits('/chain/0'), 2)
    assert.equal(bench.origin.hits('/chain/2'), 1)
  })
}

function answerWithChains({ origin }: CacheBench, status: number): void {
  origin.answer(({ path }, response) => {
    const left = Number(path.split('/').at(-1))
    if (left === 0) response.end('the end')
    else response.writeHead(status, { location: `/chain/${left - 1}` }).end('moved')
  })
}

function urlsOf({ origin }: CacheBench, hops: number): string[] {
  return Array.from({ length: hops + 1 }, (_, i) => `${origin.url}/chain/${hops - i}`)
}

async function assertBodyOnce({ cache }: CacheBench): Promise<void> {
  const contents = await contentsOf(cache)
  const bodies = contents.filter(([, { body }]) => Buffer.from(body).includes('the end'))
  assert.equal(bodies.length, 1, 'the body is not stored once')
  assert.equal(await cache.size(), 1)
}
