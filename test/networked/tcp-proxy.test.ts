/** The tool itself: what a test believes of a link has to be so. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { startProxy, type TcpProxy } from './tcp-proxy.ts'

async function startEcho(t: TestContext): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `redis://127.0.0.1:${(server.address() as { port: number }).port}`
}

async function open(t: TestContext): Promise<{ proxy: TcpProxy; socket: Socket }> {
  const proxy = await startProxy(t, await startEcho(t))
  const socket = connect(proxy.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  return { proxy, socket }
}

/** @returns when all of it was back, in milliseconds; undefined where the connection ended */
async function echo(socket: Socket, bytes: number): Promise<number | undefined> {
  const begin = performance.now()
  let back = 0
  const ended = Promise.withResolvers<number | undefined>()
  const take = (chunk: Buffer): void => {
    back += chunk.byteLength
    if (back === bytes) ended.resolve(performance.now() - begin)
  }
  const close = (): void => ended.resolve(undefined)
  socket.on('data', take).once('close', close)
  socket.write(Buffer.alloc(bytes, 'x'))
  const ms = await ended.promise
  socket.off('data', take).off('close', close)
  return ms
}

test('without trouble all goes through at once', async (t) => {
  const { proxy, socket } = await open(t)
  assert.ok((await echo(socket, 2 ** 22))! < 1_000)
  assert.deepEqual(proxy.carried, { toServer: 2 ** 22, toClient: 2 ** 22 })
  assert.match(proxy.url, /^redis:\/\/127\.0\.0\.1:\d+$/)
})

test('a delay is one of time, not of width', async (t) => {
  const { proxy, socket } = await open(t)
  proxy.trouble({ toClient: { delay: 300 } })
  const ms = await echo(socket, 2 ** 22)
  assert.ok(ms! >= 295 && ms! < 1_000, `${ms} ms`)
})

test('a narrow link takes its time', async (t) => {
  const { proxy, socket } = await open(t)
  proxy.trouble({ toServer: { bytesPerSecond: 2 ** 20 } })
  const ms = await echo(socket, 2 ** 19)
  assert.ok(ms! > 400 && ms! < 1_200, `${ms} ms`)
})

test('a trickle', async (t) => {
  const { proxy, socket } = await open(t)
  proxy.trouble({ toClient: { pieceBytes: 10, pieceEvery: 20 } })
  const ms = await echo(socket, 100)
  assert.ok(ms! > 150 && ms! < 1_000, `${ms} ms`)
})

test('cut after so many bytes of each connection', async (t) => {
  const { proxy, socket } = await open(t)
  proxy.trouble({ toClient: { cutAfter: 1_000 } })
  assert.ok((await echo(socket, 999)) !== undefined)
  assert.equal(await echo(socket, 10), undefined)
  assert.equal(proxy.carried.toClient, 1_000)
  assert.equal(proxy.connections, 0)
})

test('one way only, until it is well again', async (t) => {
  const { proxy, socket } = await open(t)
  proxy.trouble({ toClient: { held: true } })
  setTimeout(() => proxy.trouble(), 200)
  const ms = await echo(socket, 100)
  assert.ok(ms! >= 195, `${ms} ms`)
  assert.ok((await echo(socket, 100))! < 150)
})

test('all connections cut, and new ones taken', async (t) => {
  const { proxy, socket } = await open(t)
  await echo(socket, 1)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  proxy.cut()
  await closed
  const again = connect(proxy.port, '127.0.0.1')
  t.after(() => again.destroy())
  assert.ok((await echo(again, 10)) !== undefined)
})
