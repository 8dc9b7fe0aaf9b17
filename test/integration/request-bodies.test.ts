import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { Agent, errors, fetch, request, type Dispatcher } from 'undici'
import { asHandler } from '../../lib/response/handler.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { RecordingHandler } from '../response/recording-handler.ts'
import { cachedAgent } from './caches.ts'
import { startOrigin } from './origin.ts'

const posting = { allowableMethods: ['GET', 'POST'] }

/** A server that sees a request before its body has come. */
async function startEarly(
  t: TestContext,
  answer: (incoming: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; count: () => number }> {
  let requests = 0
  const server = createServer((incoming, response) => {
    requests++
    incoming.on('error', () => {})
    answer(incoming, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => requests,
  }
}

/** Gives a chunk, and then nothing any more. */
function stalled(): Readable {
  let read = 0
  return new Readable({
    read() {
      if (read++ === 0) this.push('begun')
    },
  })
}

describe('an abort gets through while the body is being read', () => {
  test('a stream: request() with a signal', async (t) => {
    const origin = await startEarly(t, (_, response) => response.end())
    const { agent } = cachedAgent(t, posting)
    const body = stalled()
    const aborter = new AbortController()
    const asked = request(origin.url, {
      method: 'POST',
      body,
      signal: aborter.signal,
      dispatcher: agent,
    })
    await sleep(20)
    const reason = new Error('mine')
    aborter.abort(reason)
    await assert.rejects(asked, reason)
    assert.equal(body.destroyed, true)
    assert.equal(origin.count(), 0)
  })

  test('a ReadableStream, which is cancelled', async (t) => {
    const origin = await startEarly(t, (_, response) => response.end())
    const { agent } = cachedAgent(t, posting)
    let cancelled: unknown
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('begun')),
      cancel: (reason) => void (cancelled = reason),
    })
    const handler = new RecordingHandler()
    const options = { origin: origin.url, path: '/', method: 'POST', body }
    agent.dispatch(options as unknown as Dispatcher.DispatchOptions, handler)
    await sleep(20)
    const reason = new Error('mine')
    handler.controller!.abort(reason)
    await sleep(20)
    assert.equal(cancelled, reason)
    assert.deepEqual(handler.errors, [reason])
    assert.equal(origin.count(), 0)
  })

  test('a generator, which ends when it goes on', async (t) => {
    const origin = await startEarly(t, (_, response) => response.end())
    const { agent } = cachedAgent(t, posting)
    const more = Promise.withResolvers<void>()
    let cleaned = false
    async function* body(): AsyncGenerator<string> {
      try {
        yield 'begun'
        await more.promise
        yield 'more'
        yield 'still more'
      } finally {
        cleaned = true
      }
    }
    const handler = new RecordingHandler()
    const options = { origin: origin.url, path: '/', method: 'POST', body: body() }
    agent.dispatch(options as unknown as Dispatcher.DispatchOptions, handler)
    await sleep(20)
    handler.controller!.abort(new Error('mine'))
    assert.equal(handler.errors.length, 1)
    more.resolve()
    await sleep(20)
    assert.equal(cleaned, true)
    assert.equal(handler.errors.length, 1)
  })

  test('fetch, which ends its body as it does without a cache', async (t) => {
    const origin = await startOrigin(t, () => {})
    const { agent } = cachedAgent(t, posting)
    const bare = new Agent()
    t.after(() => bare.destroy())
    const ends: string[][] = []
    for (const dispatcher of [agent, bare]) {
      const ended: string[] = []
      ends.push(ended)
      const more = Promise.withResolvers<void>()
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(Buffer.from('begun'))
          await more.promise
          if (!ended.includes('cancelled')) controller.close()
        },
        cancel: () => void ended.push('cancelled'),
      })
      const signal = AbortSignal.timeout(300)
      const init = { method: 'POST', body, duplex: 'half', signal, dispatcher } as const
      await assert.rejects(fetch(origin.url, init), { name: 'TimeoutError' })
      more.resolve()
      await sleep(100)
    }
    assert.deepEqual(ends[0], ends[1])
  })

  test('without a reason: the AbortError that undici has for it', async (t) => {
    const origin = await startEarly(t, (_, response) => response.end())
    const { agent } = cachedAgent(t, posting)
    const handler = new RecordingHandler()
    const body = stalled()
    agent.dispatch({ origin: origin.url, path: '/', method: 'POST', body }, handler)
    handler.controller!.abort(undefined as never)
    const { name, message, code } = new errors.RequestAbortedError()
    const told = handler.errors.map((error) => [
      error.name,
      error.message,
      Reflect.get(error, 'code'),
    ])
    assert.deepEqual(told, [[name, message, code]])
    assert.equal(body.destroyed, true)
  })

  test('by a handler of the old generation', async (t) => {
    const origin = await startEarly(t, (_, response) => response.end())
    const { agent } = cachedAgent(t, posting)
    const told: Error[] = []
    let abort = (): void => {}
    const handler = asHandler({
      onConnect: (given: () => void) => (abort = given),
      onError: (error: Error) => told.push(error),
    })
    const body = stalled()
    agent.dispatch({ origin: origin.url, path: '/', method: 'POST', body }, handler)
    await sleep(20)
    abort()
    assert.deepEqual(
      told.map(({ name }) => name),
      ['AbortError'],
    )
    assert.equal(body.destroyed, true)
  })

  test('at once, when the handler is told that the request begins', async (t) => {
    const origin = await startEarly(t, (_, response) => response.end())
    const { agent } = cachedAgent(t, posting)
    const body = stalled()
    const handler = new RecordingHandler({
      start: (controller) => controller.abort(new Error('no')),
    })
    agent.dispatch({ origin: origin.url, path: '/', method: 'POST', body }, handler)
    assert.equal(handler.errors.length, 1)
    await sleep(20)
    assert.equal(body.destroyed, true)
    assert.equal(origin.count(), 0)
  })
})

describe('a slow body', () => {
  const options = { ...posting, storageTimeout: 100 }

  test('goes on uncached, what was read first, and then the rest', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent, caching } = cachedAgent(t, options)
    async function* words(): AsyncGenerator<string> {
      for (const word of ['one ', 'two ', 'three ', 'four']) {
        yield word
        await sleep(60)
      }
    }
    const response = await request(origin.url, {
      method: 'POST',
      body: Readable.from(words()),
      dispatcher: agent,
    })
    assert.equal(await response.body.text(), 'one two three four')
    assert.equal(getCacheInfo(response)?.reason, 'body-slow')
    assert.equal(await caching.cache.size(), 0)
  })

  test('its beginning is with the origin before it has ended', async (t) => {
    const arrived = Promise.withResolvers<string>()
    const origin = await startEarly(t, (incoming, response) => {
      incoming.once('data', (chunk) => arrived.resolve(String(chunk)))
      incoming.on('end', () => response.end('done'))
    })
    const { agent } = cachedAgent(t, options)
    const body = new Readable({ read() {} })
    body.push('begun')
    const asked = request(origin.url, { method: 'POST', body, dispatcher: agent })
    assert.equal(await arrived.promise, 'begun')
    body.push(null)
    assert.equal(await (await asked).body.text(), 'done')
  })

  test('an early refusal of the origin gets through', async (t) => {
    const origin = await startEarly(t, (_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large')
    })
    const { agent } = cachedAgent(t, options)
    const body = stalled()
    const response = await request(origin.url, { method: 'POST', body, dispatcher: agent })
    assert.equal(response.statusCode, 413)
    assert.equal(await response.body.text(), 'too large')
    body.destroy()
  })

  test('a body that waits for the answer gets it', async (t) => {
    const origin = await startEarly(t, (incoming, response) => {
      response.writeHead(200)
      incoming.once('data', () => response.write('go on'))
      incoming.on('end', () => response.end())
    })
    const { agent } = cachedAgent(t, options)
    const answered = Promise.withResolvers<void>()
    async function* body(): AsyncGenerator<string> {
      yield 'question'
      await answered.promise
    }
    const response = await request(origin.url, {
      method: 'POST',
      body: Readable.from(body()),
      dispatcher: agent,
    })
    for await (const chunk of response.body) {
      assert.equal(String(chunk), 'go on')
      answered.resolve()
    }
  })

  test('a Blob that is slow is sent whole', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent } = cachedAgent(t, options)
    const body = new Blob(['slow'])
    const read = Promise.withResolvers<ArrayBuffer>()
    let first = true
    const bytes = body.arrayBuffer.bind(body)
    body.arrayBuffer = () => (first ? ((first = false), read.promise) : bytes())
    const response = await request(origin.url, {
      method: 'POST',
      body: body as never,
      dispatcher: agent,
    })
    assert.equal(await response.body.text(), 'slow')
    assert.equal(getCacheInfo(response)?.reason, 'body-slow')
  })
})

describe('a stated length', () => {
  const wrong = { 'content-length': '5' }
  for (const method of ['GET', 'POST'] as const) {
    test(`of a stream that is another: ${method} fails as without a cache`, async (t) => {
      const origin = await startOrigin(t, (_, response) => response.end())
      const { agent, caching } = cachedAgent(t, posting)
      const bare = new Agent()
      t.after(() => bare.destroy())
      const codes: unknown[] = []
      for (const dispatcher of [agent, bare]) {
        const body = Readable.from(['sent'])
        const asked = request(origin.url, { method, headers: wrong, body, dispatcher })
        codes.push(await asked.then((response) => response.statusCode).catch(({ code }) => code))
      }
      assert.deepEqual(codes, [codes[1], codes[1]])
      assert.equal(codes[0], 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH')
      assert.equal(await caching.cache.size(), 0)
    })
  }

  test('that is right is cached', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent } = cachedAgent(t, posting)
    for (const hit of [false, true]) {
      const response = await request(origin.url, {
        method: 'POST',
        headers: { 'content-length': '4' },
        body: Readable.from(['se', 'nt']),
        dispatcher: agent,
      })
      assert.equal(await response.body.text(), 'sent')
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
  })

  test('beyond the limit: nothing is read before it is sent', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent } = cachedAgent(t, { ...posting, maxRequestBodyBytes: 3 })
    const body = Readable.from(['sent'])
    const headers = { 'content-length': '4' }
    const response = await request(origin.url, { method: 'POST', headers, body, dispatcher: agent })
    assert.equal(await response.body.text(), 'sent')
    assert.equal(getCacheInfo(response)?.reason, 'body')
  })
})
