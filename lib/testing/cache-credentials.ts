/** One user never sees another's response, and no credential is stored in clear. */
import assert from 'node:assert/strict'
import { interceptors } from 'undici'
import { contentsOf, type CacheBench, type CacheCheck } from './cache-check.ts'

type Headers = Record<string, string> | string[]

/** How a request tells who asks; written in every way that programs write it. */
const ways: Readonly<Record<string, (secret: string) => { path?: string; headers?: Headers }>> = {
  Authorization: (secret) => ({ headers: { Authorization: `Bearer ${secret}` } }),
  'authorization in lower case': (secret) => ({ headers: { authorization: `Basic ${secret}` } }),
  'a flat array of headers': (secret) => ({ headers: ['AUTHORIZATION', `Bearer ${secret}`] }),
  'Proxy-Authorization': (secret) => ({ headers: { 'Proxy-Authorization': secret } }),
  Cookie: (secret) => ({ headers: { Cookie: `theme=dark; session=${secret}` } }),
  'cookie in lower case': (secret) => ({ headers: { cookie: `session=${secret}` } }),
  'X-API-Key': (secret) => ({ headers: { 'X-API-Key': secret } }),
  'x-api-key in lower case': (secret) => ({ headers: { 'x-api-key': secret } }),
  'a parameter api_key': (secret) => ({ path: `/a?x=1&api_key=${secret}` }),
  'a parameter access_token': (secret) => ({ path: `/a?access_token=${secret}&x=1` }),
}

const alice = 'alices-secret-4711'
const bob = 'bobs-secret-0815'

/** Registers the tests of credentials. */
export function checkCredentials(check: CacheCheck): void {
  for (const [way, request] of Object.entries(ways)) {
    check(`credentials: ${way} keeps users apart and is not stored`, async (bench) => {
      bench.origin.answer((_, response) => response.end(`answer ${bench.origin.hits()}`))
      const client = bench.client()
      const ask = async (secret: string): Promise<string> => {
        const { path = '/a?x=1', headers = {} } = request(secret)
        return (await client.ask(path, { headers })).body.toString()
      }
      assert.deepEqual([await ask(alice), await ask(bob)], ['answer 1', 'answer 2'])
      assert.deepEqual([await ask(alice), await ask(bob)], ['answer 1', 'answer 2'])
      const nobody = (await client.ask('/a?x=1')).body.toString()
      assert.equal(nobody, 'answer 3', 'who is nobody sees what is somebody’s')
      await assertNothingInClear(bench)
    })
  }

  check('credentials: the case of a header name makes no other user', async (bench) => {
    const client = bench.client()
    for (const name of ['Authorization', 'authorization', 'AUTHORIZATION']) {
      await client.ask('/a', { headers: { [name]: `Bearer ${alice}` } })
    }
    assert.equal(bench.origin.hits(), 1)
  })

  check('credentials: what a redirect sends back is replayed, but not stored', async (bench) => {
    answerWithEcho(bench)
    const client = bench.client()
    for (const hits of [2, 2]) {
      const answer = await client.fetch(`/first?api_key=${alice}`)
      assert.equal(answer.url, `${bench.origin.url}/last?api_key=${alice}`)
      assert.equal(answer.body.toString(), 'answer')
      assert.equal(bench.origin.hits(), hits)
    }
    await client.fetch(`/first?api_key=${bob}`)
    assert.equal(bench.origin.hits(), 4)
    await assertNothingInClear(bench)
  })

  check('credentials: nor what a redirect below the cache sends back', async (bench) => {
    answerWithEcho(bench)
    const client = bench.client({}, [interceptors.redirect({ maxRedirections: 5 })])
    for (const hits of [2, 2]) {
      const answer = await client.ask(`/first?api_key=${alice}`)
      assert.deepEqual(answer.history, [
        `${bench.origin.url}/first?api_key=${alice}`,
        `${bench.origin.url}/last?api_key=${alice}`,
      ])
      assert.equal(bench.origin.hits(), hits)
    }
    await assertNothingInClear(bench)
  })

  check('credentials: urls gives none away', async (bench) => {
    const client = bench.client()
    await client.ask(`/a?api_key=${alice}`)
    await bench.cache.flush()
    const urls = await Array.fromAsync(bench.cache.urls())
    assert.equal(urls.length, 1)
    assert.ok(urls[0]?.startsWith(`${bench.origin.url}/a?`))
    assert.ok(!urls.join().includes(alice))
  })
}

function answerWithEcho({ origin }: CacheBench): void {
  origin.answer(({ path }, response) => {
    if (path.startsWith('/last')) response.end('answer')
    else response.writeHead(302, { location: path.replace('first', 'last') }).end()
  })
}

async function assertNothingInClear({ cache }: CacheBench): Promise<void> {
  const contents = await contentsOf(cache)
  assert.ok(contents.length > 0, 'nothing is stored')
  const secrets = [alice, bob]
  const forms = secrets.flatMap((secret) => [secret, Buffer.from(secret).toString('base64')])
  for (const [key, { head, body }] of contents) {
    for (const form of forms) {
      assert.ok(!key.includes(form), 'a credential is in a key')
      assert.ok(!head.includes(form), 'a credential is in a head')
      assert.ok(!Buffer.from(body).includes(form), 'a credential is in a body')
    }
  }
}
