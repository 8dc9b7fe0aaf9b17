/**
 * A way to a server that can be made bad: late, narrow, cut after so many bytes, open in one direction
 * only, a few bytes at a time. The server itself stays well.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'

export type Direction = 'toServer' | 'toClient'

/** What is wrong with one direction. */
export interface Trouble {
  /** By how many milliseconds all arrives late; what is sent meanwhile is on its way as well. */
  readonly delay?: number
  /** Of all connections together. */
  readonly bytesPerSecond?: number
  /** A trickle: so many bytes, and the next after `pieceEvery` milliseconds. */
  readonly pieceBytes?: number
  /** Default 10. */
  readonly pieceEvery?: number
  /** Each connection is reset when it has carried so many bytes since the trouble began. */
  readonly cutAfter?: number
  /** Nothing arrives, and connections stay open; what is held arrives when the trouble ends. */
  readonly held?: boolean
}

/** What is wrong with each direction; nothing with one that is not named. */
export type Troubles = Partial<Record<Direction, Trouble>>

/** See the top of the file. */
export interface TcpProxy {
  readonly port: number
  /** As the server's, by way of the proxy. */
  readonly url: string
  /** How many connections are open. */
  readonly connections: number
  /** What has arrived in a direction, of all connections. */
  readonly carried: Readonly<Record<Direction, number>>
  /** Replaces the troubles that there are; without one all is well again. */
  trouble(troubles?: Troubles): void
  /** Resets all connections. New ones are accepted. */
  cut(): void
  stop(): Promise<void>
}

// A router's buffer: what does not fit has to wait in the memory of the sender.
const bufferBytes = 64 * 2 ** 10

/** Starts a proxy before a server, ended after the test. */
export async function startProxy(t: Pick<TestContext, 'after'>, server: string): Promise<TcpProxy> {
  const target = new URL(server)
  const carried = { toServer: 0, toClient: 0 }
  const lanes = { toServer: new Lane(), toClient: new Lane() }
  const pairs = new Set<readonly [Socket, Socket]>()
  const listener = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), noDelay: true })
    const pair = [client, upstream] as const
    pairs.add(pair)
    const reset = (): void => {
      pairs.delete(pair)
      for (const socket of pair) endAtOnce(socket)
    }
    const carry = async (from: Socket, to: Socket, direction: Direction): Promise<void> => {
      await lanes[direction].carry(from, to, (bytes) => (carried[direction] += bytes))
    }
    const forget = (): void => {
      if (pair.every(({ closed }) => closed)) pairs.delete(pair)
    }
    for (const socket of pair) socket.on('error', reset).on('close', forget)
    // A connection that is reset ends both.
    Promise.all([carry(client, upstream, 'toServer'), carry(upstream, client, 'toClient')]).catch(
      reset,
    )
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) endAtOnce(socket)
    pairs.clear()
  }
  const trouble = ({ toServer = {}, toClient = {} }: Troubles = {}): void => {
    lanes.toServer.become(toServer)
    lanes.toClient.become(toClient)
  }
  const stop = async (): Promise<void> => {
    trouble()
    cut()
    if (listener.listening) await new Promise((resolve) => listener.close(resolve))
  }
  t.after(stop)
  const url = new URL(server)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return {
    port,
    // A URL with nothing behind the port is written without a slash, as the servers' own are.
    url: server.endsWith('/') ? url.href : url.href.replace(/\/$/, ''),
    get connections() {
      return pairs.size
    },
    carried,
    trouble,
    cut,
    stop,
  }
}

function endAtOnce(socket: Socket): void {
  if (socket.destroyed) return
  // Node's loop spins for ever where one is reset that is being shut down.
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** One direction, of all connections. */
class Lane {
  #trouble: Trouble = {}
  /** When what was carried last has passed a narrow place. */
  #freeAt = 0
  #changed = Promise.withResolvers<void>()
  #since = 0

  become(trouble: Trouble): void {
    this.#trouble = trouble
    this.#freeAt = 0
    this.#since++
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** @throws where the connection is to be cut, or is closed at the other end */
  async carry(from: Socket, to: Socket, count: (bytes: number) => void): Promise<void> {
    const under: { chunk: Buffer; arrived: number }[] = []
    let bytes = 0
    let ended = false
    let wake = Promise.withResolvers<void>()
    const notify = (): void => {
      wake.resolve()
      wake = Promise.withResolvers()
    }
    from.on('data', (chunk: Buffer) => {
      under.push({ chunk, arrived: performance.now() })
      bytes += chunk.byteLength
      if (bytes >= this.#bufferBytes) from.pause()
      notify()
    })
    for (const event of ['end', 'close']) {
      from.on(event, () => {
        ended = true
        notify()
      })
    }
    let since = this.#since
    let passed = 0
    for (;;) {
      const next = under.shift()
      if (next === undefined) {
        if (ended) return void to.end()
        await wake.promise
        continue
      }
      await this.#wait(next.arrived)
      for (let rest = next.chunk; rest.byteLength > 0;) {
        if (since !== this.#since) [since, passed] = [this.#since, 0]
        const { cutAfter = Infinity } = this.#trouble
        const piece = rest.subarray(0, Math.min(this.#pieceBytes, cutAfter - passed))
        if (piece.byteLength > 0) await this.#send(to, piece)
        rest = rest.subarray(piece.byteLength)
        passed += piece.byteLength
        count(piece.byteLength)
        if (passed >= cutAfter && since === this.#since) throw new Error('cut')
      }
      bytes -= next.chunk.byteLength
      if (from.isPaused() && bytes < this.#bufferBytes) from.resume()
    }
  }

  // What is late is not narrow: all of it may be under way.
  get #bufferBytes(): number {
    return this.#trouble.delay === undefined ? bufferBytes : 64 * 2 ** 20
  }

  get #pieceBytes(): number {
    const { pieceBytes, bytesPerSecond } = this.#trouble
    return pieceBytes ?? (bytesPerSecond === undefined ? Infinity : 2 ** 14)
  }

  async #wait(arrived: number): Promise<void> {
    while (this.#trouble.held === true) await this.#changed.promise
    const { delay = 0 } = this.#trouble
    const late = arrived + delay - performance.now()
    if (late > 0) await this.#sleep(late)
  }

  async #send(to: Socket, piece: Buffer): Promise<void> {
    const { bytesPerSecond, pieceBytes, pieceEvery = 10 } = this.#trouble
    while (this.#trouble.held === true) await this.#changed.promise
    if (to.destroyed) throw new Error('closed')
    if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')])
    if (pieceBytes !== undefined) await this.#sleep(pieceEvery)
    if (bytesPerSecond === undefined) return
    const now = performance.now()
    this.#freeAt = Math.max(this.#freeAt, now) + (piece.byteLength / bytesPerSecond) * 1_000
    // Timers are not exact, and need not be.
    if (this.#freeAt - now > 2) await this.#sleep(this.#freeAt - now)
  }

  // It ends when the trouble does.
  async #sleep(delay: number): Promise<void> {
    const ending = new AbortController()
    const slept = later(delay, undefined, { signal: ending.signal }).catch(() => {})
    await Promise.race([slept, this.#changed.promise])
    ending.abort()
  }
}
