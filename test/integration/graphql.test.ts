/** GraphQL over HTTP: queries are known by what they ask, and what changes something is not cached. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { fetch, request, type Dispatcher } from 'undici'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo, type CacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

interface Answer {
  readonly text: string
  readonly info: CacheInfo | undefined
}

interface Client {
  readonly origin: Origin
  readonly caching: ReturnType<typeof cachedAgent>['caching']
  readonly agent: Dispatcher
  readonly post: (body: unknown, type?: string) => Promise<Answer>
}

const clients = {
  async fetch(agent: Dispatcher, url: string, body: string, type: string): Promise<Answer> {
    const headers = { 'content-type': type }
    const response = await fetch(url, { method: 'POST', headers, body, dispatcher: agent })
    return { text: await response.text(), info: getCacheInfo(response) }
  },
  async request(agent: Dispatcher, url: string, body: string, type: string): Promise<Answer> {
    const headers = { 'content-type': type }
    const response = await request(url, { method: 'POST', headers, body, dispatcher: agent })
    return { text: await response.body.text(), info: getCacheInfo(response) }
  },
}

async function setUp(
  t: TestContext,
  options: CacheOptions,
  client: keyof typeof clients = 'fetch',
): Promise<Client> {
  const origin = await startOrigin(t, (_, response) => response.end(`${origin.requests.length}`))
  const { caching, agent } = cachedAgent(t, options)
  const post = (body: unknown, type = 'application/json'): Promise<Answer> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return clients[client](agent, `${origin.url}/graphql`, text, type)
  }
  return { origin, caching, agent, post }
}

for (const client of Object.keys(clients) as (keyof typeof clients)[]) {
  describe(`graphql: true, ${client}`, () => {
    test('a query is known by its operation', async (t) => {
      const { post, origin } = await setUp(t, { graphql: true }, client)
      const hero = (variables: object): object => ({
        query: 'query Hero($id: ID!) { hero(id: $id) { name } }',
        variables,
      })
      assert.equal((await post(hero({ id: 1, at: 2 }))).text, '1')
      const spelled = `{ "variables": {"at":2,"id":1},
        "query": "# who\\nquery Hero($id: ID!,) {\\n  hero(id: $id) { name }\\n}" }`
      const again = await post(spelled)
      assert.deepEqual([again.text, again.info?.hit], ['1', true])
      assert.equal((await post(hero({ id: 2, at: 2 }))).text, '2')
      // What is sent is what was written.
      assert.equal(origin.requests[0]!.body, JSON.stringify(hero({ id: 1, at: 2 })))
    })

    test('a string in it counts as it is', async (t) => {
      const { post } = await setUp(t, { graphql: true }, client)
      const texts = []
      for (const name of ['a b', 'a  b', 'a, b', 'a #b', 'a #c']) {
        texts.push((await post({ query: `{ hero(name: "${name}") { id } }` })).text)
      }
      assert.deepEqual(texts, ['1', '2', '3', '4', '5'])
    })

    for (const kind of ['mutation', 'subscription']) {
      test(`a ${kind} is neither stored nor answered`, async (t) => {
        const { post, caching } = await setUp(t, { graphql: true }, client)
        for (const text of ['1', '2']) {
          const answer = await post({ query: `${kind} { a }` })
          assert.equal(answer.text, text)
          assert.deepEqual(
            [answer.info?.hit, answer.info?.stored, answer.info?.reason],
            [false, false, `graphql-${kind}`],
          )
        }
        assert.equal(await caching.cache.size(), 0)
      })
    }

    test('what else is posted goes to the origin', async (t) => {
      const { post } = await setUp(t, { graphql: true }, client)
      for (const [body, type] of [
        ['{"a":1}'],
        ['{"query":"cats"}'],
        ['{"query":"{a}"}', 'text/plain'],
      ]) {
        const [one, other] = [await post(body, type), await post(body, type)]
        assert.notEqual(one.text, other.text)
        assert.equal(other.info?.reason, 'method')
      }
    })
  })

  describe(`POST is allowed, ${client}`, () => {
    const posts = { allowableMethods: ['GET', 'POST'] }

    test('a query is known by its bytes', async (t) => {
      const { post } = await setUp(t, posts, client)
      assert.equal((await post({ query: '{ a }' })).text, '1')
      assert.equal((await post({ query: '{ a }' })).text, '1')
      assert.equal((await post({ query: '{a}' })).text, '2')
    })

    test('a mutation is not cached', async (t) => {
      const { post } = await setUp(t, posts, client)
      const query = 'query Q { a } mutation M { a }'
      for (const text of ['1', '2']) {
        const { info, ...answer } = await post({ query, operationName: 'M' })
        assert.deepEqual([answer.text, info?.reason], [text, 'graphql-mutation'])
      }
      assert.equal((await post({ query, operationName: 'Q' })).text, '3')
      assert.equal((await post({ query, operationName: 'Q' })).text, '3')
      assert.equal((await post('mutation { a }', 'application/graphql')).text, '4')
      assert.equal((await post('mutation { a }', 'application/graphql')).text, '5')
    })
  })
}

describe('in a URL', () => {
  test('a query is known by its operation, and a mutation not cached', async (t) => {
    const { origin, agent } = await setUp(t, { graphql: true })
    const get = async (query: string, more = ''): Promise<[string, string | undefined]> => {
      const url = `${origin.url}/graphql?query=${encodeURIComponent(query)}${more}`
      const response = await fetch(url, { dispatcher: agent })
      return [await response.text(), getCacheInfo(response)?.reason]
    }
    assert.deepEqual(await get('{ a }'), ['1', 'uri-miss'])
    assert.deepEqual(await get('{a}', '&variables={}'), ['1', 'fresh'])
    assert.deepEqual(await get('mutation { a }'), ['2', 'graphql-mutation'])
    assert.deepEqual(await get('mutation { a }'), ['3', 'graphql-mutation'])
  })
})

test('a query that is named is found', async (t) => {
  const { post, origin, caching } = await setUp(t, { graphql: true })
  await post({ query: '{ a }', variables: { b: 1 } })
  const target = { url: `${origin.url}/graphql`, body: { variables: { b: 1 }, query: '{a}' } }
  assert.equal(await caching.cache.has(target), true)
  assert.equal(await caching.cache.has({ ...target, body: { query: '{a}' } }), false)
  assert.equal(await caching.cache.delete(target), true)
})
