/** What is stored and for how long: expiry, validation, variants, and what is never stored. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertCached,
  assertNotCached,
  eventually,
  type CacheBench,
  type CacheCheck,
} from './cache-check.ts'

/** Registers the tests of lifetimes. */
export function checkLifetimes(check: CacheCheck): void {
  checkExpiry(check)
  checkValidation(check)
  checkVariants(check)
  checkNotStored(check)
}

function checkExpiry(check: CacheCheck): void {
  check('expiry: what has expired is asked for again', async (bench) => {
    const expiresAt = Date.now() + 300
    const client = bench.client({ expireAfter: new Date(expiresAt) })
    await assertCached(bench, client, '/a')
    await sleep(expiresAt - Date.now() + 10)
    assert.equal((await client.ask('/a')).body.toString(), 'GET /a 2')
  })

  check('expiry: what never expires survives every pruning', async (bench) => {
    const client = bench.client({ expireAfter: 'never' })
    await client.ask('/a')
    await bench.cache.flush()
    assert.equal(await bench.cache.prune(Date.UTC(9999, 0)), 0)
    assert.equal((await client.ask('/a')).hit, true)
  })

  check('expiry: a redirect expires as a response does', async (bench) => {
    bench.origin.answer(({ path }, response) =>
      path === '/a' ? response.writeHead(301, { location: '/b' }).end() : response.end('b'),
    )
    const expiresAt = Date.now() + 300
    const client = bench.client({ expireAfter: new Date(expiresAt) })
    await client.fetch('/a')
    await client.fetch('/a')
    assert.equal(bench.origin.hits('/a'), 1)
    await sleep(expiresAt - Date.now() + 10)
    await client.fetch('/a')
    assert.equal(bench.origin.hits('/a'), 2)
  })

  check('prune: deletes what has expired, redirects too, and nothing else', async (bench) => {
    if (bench.cache.responses.traits.expires) return
    const { origin, cache } = bench
    origin.answer(({ path }, response) =>
      path === '/moved' ? response.writeHead(302, { location: '/hour' }).end() : response.end('x'),
    )
    const client = bench.client({
      expireAfter: ({ url }) => (url.endsWith('/day') ? '1d' : '1h'),
    })
    await client.fetch('/moved')
    await client.ask('/day')
    await cache.flush()
    assert.equal(await cache.prune(Date.now()), 0)
    await cache.prune(Date.now() + 3_700_000)
    assert.equal(await cache.has(`${origin.url}/hour`), false)
    assert.equal(await cache.has(`${origin.url}/moved`), false)
    assert.equal(await cache.has(`${origin.url}/day`), true)
    assert.equal(await cache.redirects.size(), 0)
  })
}

function checkValidation(check: CacheCheck): void {
  const validators = {
    ETag: { field: 'etag', value: '"v1"', asks: 'if-none-match' },
    'Last-Modified': {
      field: 'last-modified',
      value: 'Mon, 01 Jan 2024 00:00:00 GMT',
      asks: 'if-modified-since',
    },
  } as const
  for (const [name, { field, value, asks }] of Object.entries(validators)) {
    check(`validation: 304 by ${name} renews header lines and lifetime`, async (bench) => {
      bench.origin.answer(({ nth, headers }, response) => {
        response.setHeader(field, value)
        response.setHeader('x-nth', nth)
        response.setHeader('x-only', `answer ${nth}`)
        if (nth > 1) response.removeHeader('x-only')
        if (headers[asks] === value) response.writeHead(304).end()
        else response.end(`body ${nth}`)
      })
      const client = bench.client({
        expireAfter: (_, { headers }) => (headers['x-nth'] === '1' ? 'immediately' : '1h'),
      })
      assert.equal((await client.ask('/a')).body.toString(), 'body 1')
      const validated = await client.ask('/a')
      assert.equal(bench.origin.requests[1]?.headers[asks], value, 'the origin was not asked so')
      const { cache } = bench
      await cache.flush()
      const hit = await client.ask('/a')
      for (const answer of [validated, hit]) {
        assert.equal(answer.status, 200)
        assert.equal(answer.hit, true)
        assert.equal(answer.body.toString(), 'body 1')
        assert.equal(answer.headers['x-nth'], '2')
        assert.equal(answer.headers['x-only'], 'answer 1')
      }
      assert.equal(bench.origin.hits(), 2)
      await assertRefreshed(bench)
    })
  }

  check('validation: a changed response replaces the stored one', async (bench) => {
    bench.origin.answer(({ nth }, response) =>
      response.setHeader('etag', `"v${nth}"`).end(`body ${nth}`),
    )
    const client = bench.client()
    await assertCached(bench, client, '/a')
    const { caching } = client
    await caching.with({ refresh: true }, () => client.ask('/a'))
    assert.equal(bench.origin.requests[1]?.headers['if-none-match'], '"v1"')
    assert.equal((await client.ask('/a')).body.toString(), 'body 2')
    await bench.cache.flush()
    assert.equal(await bench.cache.size(), 1)
  })

  check('validation: keeps a body of 3 MB', async (bench) => {
    const body = Buffer.alloc(3_000_003, 'parts')
    bench.origin.answer(({ headers }, response) => {
      if (headers['if-none-match'] === '"v1"') response.writeHead(304).end()
      else response.setHeader('etag', '"v1"').end(body)
    })
    const client = bench.client()
    await client.ask('/a')
    await bench.cache.flush()
    const validated = await client.caching.with({ refresh: true }, () => client.ask('/a'))
    assert.ok(validated.hit && validated.body.equals(body))
    await bench.cache.flush()
    assert.ok((await client.ask('/a')).body.equals(body))
    assert.equal(bench.origin.hits(), 2)
  })
}

// The renewed head must be what is stored, not only what is kept in this process.
async function assertRefreshed({ cache }: CacheBench): Promise<void> {
  await eventually(async () => {
    const heads = await Array.fromAsync(cache.responses.heads())
    return heads.length === 1 && heads[0]?.head.includes('"x-nth","2"') === true
  }, 'the stored header lines are those of the 304')
}

function checkVariants(check: CacheCheck): void {
  check('variants: are stored side by side', async (bench) => {
    bench.origin.answer(({ headers }, response) =>
      response.setHeader('vary', 'Accept-Language').end(headers['accept-language'] ?? 'none'),
    )
    const client = bench.client()
    const ask = async (language: string | undefined): Promise<string> =>
      (
        await client.ask('/a', {
          headers: language === undefined ? {} : { 'Accept-Language': language },
        })
      ).body.toString()
    for (const _ of [1, 2]) {
      for (const language of ['en', 'de', 'fr, en;q=0.5'])
        assert.equal(await ask(language), language)
      assert.equal(await ask(undefined), 'none')
    }
    assert.equal(bench.origin.hits(), 4)
  })

  check('variants: what does not select does not count', async (bench) => {
    bench.origin.answer((_, response) => response.setHeader('vary', 'accept').end('x'))
    const client = bench.client()
    for (const agent of ['one', 'two']) {
      await client.ask('/a', { headers: { accept: 'text/html', 'user-agent': agent } })
    }
    assert.equal(bench.origin.hits(), 1)
  })

  check('variants: delete takes them all', async (bench) => {
    bench.origin.answer((_, response) => response.setHeader('vary', 'accept').end('x'))
    const client = bench.client()
    for (const accept of ['text/html', 'image/png']) await client.ask('/a', { headers: { accept } })
    await bench.cache.flush()
    assert.equal(await bench.cache.delete(`${bench.origin.url}/a`), true)
    assert.equal(await bench.cache.responses.size(), 0)
  })

  check('variants: Vary: * is not stored', async (bench) => {
    bench.origin.answer((_, response) => response.setHeader('vary', '*').end('x'))
    await assertNotCached(bench, bench.client(), '/a')
  })
}

function checkNotStored(check: CacheCheck): void {
  check('no-store: of the response', async (bench) => {
    bench.origin.answer((_, response) => response.setHeader('Cache-Control', 'No-Store').end('x'))
    await assertNotCached(bench, bench.client(), '/a')
  })

  check('no-store: of the request', async (bench) => {
    const headers = { 'Cache-Control': 'no-store' }
    await assertNotCached(bench, bench.client(), '/a', { headers })
  })

  check('no-store: statuses that are not allowed', async (bench) => {
    bench.origin.answer((_, response) => response.writeHead(500).end('x'))
    await assertNotCached(bench, bench.client(), '/a')
  })

  for (const [how, length] of [
    ['by its length', '4000000'],
    ['without a length', undefined],
  ] as const) {
    for (const sent of [50, 3_000_000]) {
      check(
        `complete: ${sent} bytes of a response that is cut, ${how}, are not stored`,
        async (bench) => {
          bench.origin.answer(({ nth }, response) => {
            if (nth > 1) return response.end('whole')
            if (length !== undefined) response.setHeader('content-length', length)
            return response.write(Buffer.alloc(sent, 'x'), () => response.destroy())
          })
          const client = bench.client()
          await assert.rejects(client.ask('/a'))
          assert.equal((await client.ask('/a')).body.toString(), 'whole')
          // The parts of the half that came are deleted in the background.
          await bench.cache.flush()
          await eventually(
            async () => (await bench.cache.responses.size()) === 1,
            'no parts are left',
          )
        },
      )
    }
  }

  check('complete: a response that its caller has left is not stored half', async (bench) => {
    bench.origin.answer(({ nth }, response) => {
      if (nth > 1) response.end('whole')
      else response.write('half')
    })
    const client = bench.client()
    const left = new AbortController()
    const asked = client.ask('/a', { signal: left.signal })
    await eventually(async () => bench.origin.hits() === 1, 'the origin is asked')
    await sleep(20)
    left.abort()
    await assert.rejects(asked)
    assert.equal((await client.ask('/a')).body.toString(), 'whole')
  })
}
