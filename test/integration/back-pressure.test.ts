import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Client, type Dispatcher } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { RecordingHandler } from '../response/recording-handler.ts'
import { temporaryFolder, openCache } from './caches.ts'
import { startOrigin } from './origin.ts'

/** A handler that says when it is done. */
function handler(): { handler: RecordingHandler; done: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    handler: new RecordingHandler({ end: () => resolve(), error: () => resolve() }),
    done: promise,
  }
}

for (const method of ['GET', 'POST'] as const) {
  test(`${method}: dispatch() returns what the dispatcher below did`, async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => response.end(path))
    const caching = cacheInterceptor({ backend: 'memory', origin: origin.url })
    const results: boolean[][] = []
    for (const cached of [true, false]) {
      const client = new Client(origin.url)
      t.after(() => client.destroy())
      const dispatcher: Dispatcher = cached ? client.compose(caching) : client
      const returned: boolean[] = []
      for (let n = 0; n < 3; n++) {
        const one = handler()
        returned.push(dispatcher.dispatch({ path: `/${n}`, method }, one.handler))
        if (!returned.at(-1)!) await once(client, 'drain')
        await one.done
      }
      results.push(returned)
    }
    assert.deepEqual(results[0], results[1])
    assert.ok(results[0]!.includes(false))
  })
}

test('a hit, and what has to be looked up first, keeps nobody waiting', async (t) => {
  const origin = await startOrigin(t, ({ path }, response) => response.end(path))
  const client = new Client(origin.url)
  t.after(() => client.destroy())
  const backend = openCache('filesystem', temporaryFolder(t))
  const dispatcher = client.compose(cacheInterceptor({ backend, origin: origin.url }))
  t.after(() => backend.close())
  for (let round = 0; round < 3; round++) {
    const one = handler()
    const more = dispatcher.dispatch({ path: '/', method: 'GET' }, one.handler)
    if (round > 0) assert.equal(more, true)
    await one.done
  }
})

test('an origin that fails at once, and is stood in for', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('stored'))
  const client = new Client(origin.url)
  const caching = cacheInterceptor({
    backend: 'memory',
    origin: origin.url,
    expireAfter: 0.01,
    staleIfError: true,
  })
  t.after(() => caching.close())
  const below: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, taker) => {
    if (!failing) return dispatch(options, taker)
    taker.onResponseError?.(
      null as never,
      Object.assign(new Error('down'), { code: 'ECONNREFUSED' }),
    )
    return false
  }
  let failing = false
  const dispatcher = client.compose(below, caching)
  t.after(() => client.destroy())
  const first = handler()
  dispatcher.dispatch({ path: '/', method: 'GET' }, first.handler)
  await first.done
  await new Promise((resolve) => setTimeout(resolve, 50))
  failing = true
  const second = handler()
  assert.equal(dispatcher.dispatch({ path: '/', method: 'GET' }, second.handler), true)
  await second.done
  assert.equal(second.handler.errors.length, 0)
})
