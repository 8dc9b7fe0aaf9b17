/** What a Redis that runs may refuse: it costs the cache, as far as it must, and never the answer. */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { setTimeout as later } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { request } from 'undici'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { redisCli } from '../services/redis-groups.ts'
import { startRedis } from '../services/servers.ts'
import type { Server } from '../services/server.ts'
import { reasonToSkip } from './harmed-server.ts'
import { startProxy } from './tcp-proxy.ts'
import { budget, openClient, type Answer, type OutageClient } from './outage-client.ts'

const skip = reasonToSkip('redis')
const backWithin = 15_000

describe('redis', { skip }, () => {
  let server: Server
  before(async () => {
    server = await startRedis({ args: ['--enable-debug-command', 'local'] })
  })
  after(() => server.stop())

  const cli = (...args: string[]): Promise<string> => redisCli(server.port, ...args)
  const open = (t: TestContext, options: object = {}): Promise<OutageClient> =>
    openClient(t, 'redis', {
      backend: 'redis',
      backendOptions: { host: '127.0.0.1', port: server.port, ...options },
    })

  const refusals = {
    'is full': {
      from: ['config', 'set', 'maxmemory', '1'],
      to: ['config', 'set', 'maxmemory', '0'],
      says: /OOM/,
    },
    'has become a replica': {
      from: ['replicaof', '127.0.0.1', '1'],
      to: ['replicaof', 'no', 'one'],
      says: /READONLY/,
    },
  } as const
  for (const [name, { from, to, says }] of Object.entries(refusals)) {
    test(`one that ${name} is still read`, async (t) => {
      const client = await open(t)
      await client.untilHit('/kept', backWithin)
      await cli(...from)
      try {
        for (let round = 0; round < 3; round++) {
          assert.equal((await unwritten(client, `/${says.source}`)).hit, false)
          assert.equal((await client.ask('/kept')).hit, true)
        }
        assert.match(causeOfOnly(client), says)
      } finally {
        await cli(...to)
      }
      await client.untilHit(`/${says.source}`, backWithin)
      assert.equal(client.reports.length, 1)
    })
  }

  // On its connection the record waits in the server's socket, where its deletion would overtake it.
  test('one that hangs: what was given up does not come after its deletion', async (t) => {
    let version = 1
    const origin = await startOrigin(t, ({ method }, response) => {
      if (method === 'PUT') version++
      response.end(String(version))
    })
    const { agent, caching } = cachedAgent(t, {
      backend: 'redis',
      cacheName: 'given-up',
      backendOptions: { host: '127.0.0.1', port: server.port, commandTimeout: 500 },
      storageTimeout: 200,
      onError: () => {},
    })
    const ask = async (method: 'GET' | 'PUT', path: string): Promise<string> =>
      (await request(origin.url + path, { dispatcher: agent, method })).body.text()
    await ask('GET', '/connects')
    await caching.cache.flush()
    const paths = Array.from({ length: 5 }, (_, index) => `/${index}`)
    server.freeze()
    try {
      await Promise.all(paths.map((path) => ask('GET', path)))
      await Promise.all(paths.map((path) => ask('PUT', path)))
      // Both are given up before it goes on.
      await later(700)
    } finally {
      server.thaw()
    }
    await later(1_500)
    const other = new RedisCache('given-up', { host: '127.0.0.1', port: server.port })
    t.after(() => other.close())
    for (const path of paths) {
      const stored = await other.get(origin.url + path)
      assert.notEqual((await stored?.body())?.toString(), '1', path)
      assert.notEqual(await ask('GET', path), '1', path)
    }
  })

  test('one that hangs: those who wait for the same URL wait for the server once', async (t) => {
    const client = await open(t)
    await client.untilHit('/kept', backWithin)
    server.freeze()
    try {
      const asked = await Promise.all(Array.from({ length: 5 }, () => client.ask('/herd')))
      // Look-up, the first one's write and another look-up would be two or three times as long.
      for (const { ms } of asked) assert.ok(ms < budget * 1.5, `it took ${ms} ms`)
    } finally {
      server.thaw()
    }
    await client.untilHit('/kept', backWithin)
  })

  test('one that is late: what is stored in vain is waited for by nobody', async (t) => {
    const client = await open(t)
    await client.untilHit('/kept', backWithin)
    server.freeze()
    try {
      await client.ask('/kept')
      const asked = await Promise.all(Array.from({ length: 20 }, () => client.ask('/many')))
      // Four ask the server, the others the origin.
      const waited = asked.filter(({ ms }) => ms > budget / 2)
      assert.ok(waited.length <= 4, `${waited.length} have waited`)
    } finally {
      server.thaw()
    }
    await client.untilHit('/kept', backWithin)
  })

  test('one that is late: all parts of a body together are waited for once', async (t) => {
    const proxy = await startProxy(t, server.url)
    const long = Buffer.alloc(6 * 2 ** 20, 'long')
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('etag', '"one"').end(long)
    })
    const { agent, caching } = cachedAgent(t, {
      backend: 'redis',
      cacheName: 'late-parts',
      backendOptions: { port: proxy.port },
      storageTimeout: budget,
    })
    const ask = async (): Promise<number> => {
      const begin = performance.now()
      const { body } = await request(origin.url, { dispatcher: agent })
      assert.ok(Buffer.from(await body.arrayBuffer()).equals(long))
      return performance.now() - begin
    }
    await ask()
    await caching.cache.flush()
    assert.ok((await ask()) < budget)
    assert.equal(origin.requests.length, 1)
    // The look-up and six parts: seven times as long.
    proxy.trouble({ toClient: { delay: 200 } })
    const took = await ask()
    assert.ok(took < budget * 1.6, `it took ${took} ms`)
    proxy.trouble()
    // Where the origin has answered it is being stored again.
    await caching.cache.flush()
  })

  test('one that loads its data is not waited for', async (t) => {
    const client = await open(t)
    await client.untilHit('/kept', backWithin)
    await cli('debug', 'populate', '8000')
    await cli('config', 'set', 'key-load-delay', '250')
    // It looks after its clients every so many bytes.
    await cli('config', 'set', 'loading-process-events-interval-bytes', '1024')
    const loaded = cli('debug', 'reload')
    t.after(() => loaded)
    while (client.reports.length === 0) await client.ask('/kept')
    assert.match(causeOfOnly(client), /^LOADING/)
    for (let n = 0; n < 5; n++) {
      const { hit, ms } = await client.ask(`/loading-${n}`)
      assert.equal(hit, false)
      assert.ok(ms < budget, `it took ${ms} ms`)
    }
    // One that connects only now is not held up, either.
    const late = await open(t)
    assert.ok((await late.ask('/late')).ms < budget)
    assert.match(causeOfOnly(late), /^LOADING/)
    await loaded
    await client.untilHit('/kept', backWithin)
  })

  test('one that is frozen for long: its connection is given up, and made anew', async (t) => {
    const client = await open(t, { socketTimeout: 200 })
    const read = async (): Promise<unknown> => client.caching.cache.responses.get('key')
    await client.untilHit('/kept', backWithin)
    server.freeze()
    try {
      const first = await client.ask('/frozen')
      assert.ok(first.ms < 2 * budget, `it took ${first.ms} ms`)
      // The old connection is lost, and a new one cannot be made.
      await assert.rejects(read(), /Socket timeout/)
      // Nobody waits for the next one.
      const begin = performance.now()
      for (let n = 0; n < 100; n++) await assert.rejects(read(), /Socket timeout/)
      assert.ok(performance.now() - begin < 200)
    } finally {
      server.thaw()
    }
    await client.untilHit('/kept', backWithin)
    assert.equal(client.reports.length, 1)
  })

  test('one that is frozen: a command ends, and so does closing', async (t) => {
    const cache = new RedisCache({ port: server.port, commandTimeout: 300 })
    const read = async (): Promise<unknown> => cache.responses.get('key')
    await cache.responses.set('key', { head: '', body: Buffer.alloc(0) })
    server.freeze()
    t.after(() => server.thaw())
    await assert.rejects(read(), { code: 'ERR_CACHE_STORAGE_TIMEOUT' })
    const reading = assert.rejects(read(), { code: 'ERR_CACHE_STORAGE_CLOSED' })
    await cache.close()
    await reading
    await assert.rejects(read(), { code: 'ERR_CACHE_STORAGE_CLOSED' })
  })

  test('a ready client: what it does about an outage is its own affair', async (t) => {
    const connection = new Redis({ port: server.port })
    connection.on('error', () => {})
    t.after(() => connection.disconnect())
    const client = await open(t, { connection })
    await client.untilHit('/kept', backWithin)
    await server.kill()
    for (let n = 0; n < 10; n++) assert.ok((await client.ask(`/dead-${n}`)).ms < 2 * budget)
    assert.equal(client.reports.length, 1)
    await server.restart()
    await client.untilHit('/kept', backWithin)
    await client.caching.close()
    assert.equal(await connection.ping(), 'PONG')
  })

  test('what somebody else has put there is no outage, and the listing goes on', async (t) => {
    const cache = new RedisCache('foreign', { port: server.port })
    t.after(() => cache.close())
    await cache.responses.set('ours', { head: 'head', body: Buffer.alloc(0) })
    await cli('set', 'foreign:responses:text', 'garbage')
    await cli('rpush', 'foreign:responses:list', 'garbage')
    for (const key of ['text', 'list']) {
      await assert.rejects(async () => cache.responses.get(key), {
        code: 'ERR_CACHE_ENTRY_CORRUPT',
      })
    }
    const heads = await Array.fromAsync(cache.responses.heads())
    assert.deepEqual(heads.map(({ key }) => key).toSorted(), ['list', 'ours', 'text'])
    const unreadable = heads.filter(({ key }) => key !== 'ours')
    for (const each of unreadable)
      assert.throws(() => each.head, { code: 'ERR_CACHE_ENTRY_CORRUPT' })
    await cache.responses.set('list', { head: 'head', body: Buffer.alloc(0) })
    assert.equal((await cache.responses.get('list'))?.head, 'head')

    await cli('set', 'foreign:responses:group.0', 'garbage')
    await cli('rpush', 'foreign:responses:other.0', 'garbage')
    await cli('hset', 'foreign:responses:third.0', 'h0', 'garbage', 'b0', 'garbage', 'x', 'y')
    const groups = ['group.0', 'other.0', 'third.0']
    const listed = await Array.fromAsync(cache.responses.heads())
    assert.deepEqual(
      listed.map(({ key }) => key).toSorted(),
      [...groups, 'list', 'ours', 'text'].toSorted(),
    )
    for (const key of groups) {
      assert.throws(() => listed.find((each) => each.key === key)!.head, {
        code: 'ERR_CACHE_ENTRY_CORRUPT',
      })
      await assert.rejects(async () => cache.responses.get(key), {
        code: 'ERR_CACHE_ENTRY_CORRUPT',
      })
    }
    await cache.responses.set('group.0', { head: 'head', body: Buffer.alloc(0) })
    assert.equal((await cache.responses.get('group.0'))?.head, 'head')
    assert.equal(await cache.responses.deleteMany(groups), 3)
    await cache.clear()
    assert.equal((await cli('keys', 'foreign:*')).trim(), '')
  })

  test('a database that is not there is no other one', async (t) => {
    await cli('flushall')
    const client = await open(t, { db: 99 })
    for (let n = 0; n < 3; n++) assert.equal((await unwritten(client, '/kept')).hit, false)
    assert.match(causeOfOnly(client), /DB index is out of range/)
    assert.equal((await cli('dbsize')).trim(), '0')
    const other = await open(t, { url: `${server.url}/3` })
    await other.untilHit('/kept', backWithin)
    assert.equal((await cli('dbsize')).trim(), '0')
    assert.notEqual((await cli('-n', '3', 'dbsize')).trim(), '0')
  })

  test('a user who may only read', async (t) => {
    const writer = await open(t)
    await writer.untilHit('/kept', backWithin)
    await cli('acl', 'setuser', 'reader', 'on', '>only-reads', '~*', '+@read', '+@connection')
    const reader = await open(t, { username: 'reader', password: 'only-reads' })
    for (let round = 0; round < 2; round++) {
      assert.equal((await reader.ask('/kept', writer.origin)).hit, true)
      assert.equal((await unwritten(reader, '/unkept')).hit, false)
    }
    assert.match(causeOfOnly(reader), /^NOPERM/)
  })

  test('a user who may do what the README says', async (t) => {
    const single = ['get', 'set', 'getrange', 'exists', 'unlink', 'eval', 'scan']
    const grouped = ['hmget', 'hset', 'hdel', 'hkeys', 'pexpire', 'persist']
    const commands = [...single, ...grouped]
    await cli('acl', 'setuser', 'least', 'on', '>of-all', '~*', ...commands.map((it) => `+${it}`))
    const least = { port: server.port, username: 'least', password: 'of-all' }
    const cache = new RedisCache('least', least)
    t.after(() => cache.close())
    const { responses } = cache
    const body = Buffer.from('body')
    await responses.set('a', { head: 'head', body, expiresAt: Date.now() + 60_000 })
    assert.equal(await responses.has('a'), true)
    assert.equal(await responses.replaceHead('a', 'head', { head: 'new' }), true)
    assert.equal((await responses.get('a'))?.head, 'new')
    assert.equal((await Array.fromAsync(responses.heads())).length, 1)
    assert.equal(await responses.delete('a'), true)
    for (const expiresAt of [undefined, Date.now() + 60_000]) {
      await responses.set('group.0', { head: 'head', body, expiresAt })
      const next = { head: 'new', expiresAt }
      assert.equal(await responses.replaceHead('group.0', 'head', next), true)
    }
    assert.equal(await responses.has('group.0'), true)
    assert.equal((await responses.get('group.0'))?.head, 'new')
    assert.equal((await Array.fromAsync(responses.heads())).length, 1)
    assert.equal(await responses.deleteMany(['group.0']), 1)
    await responses.clear()
  })

  const secret = 'a-wrong-secret'
  const right = 'the-right-one'
  const logins: Record<string, { options: (port: number) => object; mend: string[] }> = {
    'no password': { options: () => ({}), mend: ['config', 'set', 'requirepass', ''] },
    'a wrong password': {
      options: () => ({ password: secret }),
      mend: ['config', 'set', 'requirepass', secret],
    },
    'a wrong password in the URL': {
      options: (port) => ({ url: `redis://:${secret}@127.0.0.1:${port}` }),
      mend: ['config', 'set', 'requirepass', secret],
    },
    'an unknown user': {
      options: () => ({ username: 'somebody', password: secret }),
      mend: ['acl', 'setuser', 'somebody', 'on', `>${secret}`, '~*', '+@all'],
    },
  }
  for (const [name, { options, mend }] of Object.entries(logins)) {
    test(`${name} costs the cache, and is not told to anybody`, async (t) => {
      await cli('config', 'set', 'requirepass', right)
      // With the password, also where the server asks for none any more, or for another one.
      const mended = (): Promise<string> => redisCli(server.port, '-a', right, ...mend)
      t.after(() => redisCli(server.port, '-a', mend.at(-1)!, 'config', 'set', 'requirepass', ''))
      const client = await open(t, options(server.port))
      for (let n = 0; n < 5; n++) {
        const { hit, ms } = await unwritten(client, '/kept')
        assert.equal(hit, false)
        assert.ok(ms < budget, `it took ${ms} ms`)
      }
      assert.match(causeOfOnly(client), /^(WRONGPASS|NOAUTH)/)
      const told = inspect(client.reports, { depth: Infinity, showHidden: true })
      assert.doesNotMatch(told, new RegExp(`${secret}|${right}`))
      await mended()
      await client.untilHit('/kept', backWithin)
    })
  }
})

// What is on its way into the storage is handed out, until the server has refused it.
async function unwritten(client: OutageClient, path: string): Promise<Answer> {
  await client.caching.cache.flush()
  return client.ask(path)
}

function causeOfOnly({ reports }: OutageClient): string {
  assert.equal(reports.length, 1, inspect(reports))
  return (reports[0]!.cause as Error).message
}
