import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import * as undici from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'

const { Agent, fetch, request } = undici
const skip = 'Dispatcher1Wrapper' in undici ? false : 'undici 7 has no HTTP/2 without TLS'

test('HTTP/2: header fields come as an object, and hits are as good', { skip }, async (t) => {
  let asked = 0
  const server = createServer((incoming, response) => {
    asked++
    assert.equal(incoming.httpVersion, '2.0')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.setHeader('x-one', 'only')
    response.end('over two')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  // Without TLS; the types do not know it yet.
  const bare = new Agent({ allowH2: true, useH2c: true } as undici.Agent.Options)
  t.after(async () => {
    await bare.destroy()
    server.close()
  })
  const dispatcher = bare.compose(cacheInterceptor({ backend: 'memory' }))
  for (const hit of [false, true]) {
    const response = await request(url, { dispatcher })
    assert.equal(await response.body.text(), 'over two')
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(response.headers['x-one'], 'only')
    assert.equal(getCacheInfo(response)?.hit, hit)
  }
  const fetched = await fetch(url, { dispatcher })
  assert.equal(await fetched.text(), 'over two')
  assert.deepEqual(fetched.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.equal(asked, 1)
})
