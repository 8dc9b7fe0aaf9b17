/** What is behind the caches: a real server, one in the same process, and one that costs nothing. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Dispatcher } from 'undici'

/** A response, the same each time. */
export interface Canned {
  /** Flat. */
  readonly lines: readonly string[]
  readonly body: Buffer
}

/** @param extra header lines in addition, flat */
export function canned(body: Buffer, type: string, extra: readonly string[] = []): Canned {
  const lines = [
    ['Date', new Date().toUTCString()],
    ['Content-Type', type],
    ['Content-Length', String(body.byteLength)],
    ['Cache-Control', 'public, max-age=3600'],
    ['ETag', '"33a64df551425fcc55e4d42a148795d9f25f89d4"'],
    ['Last-Modified', 'Wed, 21 Oct 2015 07:28:00 GMT'],
    ['Server', 'nginx/1.25.3'],
    ['X-Request-Id', '7b0b4b7e-6a3f-4d0c-9d62-0a8d1c6b8f11'],
    ['X-Content-Type-Options', 'nosniff'],
    ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
    ['Access-Control-Allow-Origin', '*'],
    ['X-RateLimit-Remaining', '4987'],
  ].flat()
  return { lines: [...lines, ...extra], body }
}

/** A loopback server, and how often it was asked. */
export interface LoopbackServer {
  readonly origin: string
  asked(): number
  close(): Promise<void>
}

/** Serves the responses by their paths. */
export async function serve(responses: ReadonlyMap<string, Canned>): Promise<LoopbackServer> {
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    const { lines, body } = responses.get(request.url!)!
    response.sendDate = false
    response.writeHead(200, [...lines])
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Answers inside `dispatch` and shares all that it hands out: nothing can be faster. */
export class Floor extends Dispatcher {
  readonly #responses: ReadonlyMap<string, Prepared>

  constructor(responses: ReadonlyMap<string, Canned>) {
    super()
    this.#responses = new Map(Array.from(responses, ([path, each]) => [path, prepare(each)]))
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    answer(this.#responses.get(options.path)!, handler)
    return true
  }
}

/** Answers in the next turn of the loop, with a body of its own for each request. */
export class InProcessOrigin extends Dispatcher {
  readonly #make: () => Buffer
  readonly #like: Prepared
  #waiting: Dispatcher.DispatchHandler[] = []

  /** @param make the body of the next response, of the same length each time */
  constructor(make: () => Buffer) {
    super()
    this.#make = make
    this.#like = prepare(canned(make(), 'application/json'))
  }

  override dispatch(
    _options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (this.#waiting.length === 0) setImmediate(() => this.#answerAll())
    this.#waiting.push(handler)
    return true
  }

  #answerAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    const { lines, headers } = this.#like
    for (const handler of waiting) {
      // What a parser makes is new for each response, and callers may change it.
      answer({ lines: lines.slice(), headers: { ...headers }, body: this.#make() }, handler)
    }
  }
}

interface Prepared extends Canned {
  readonly headers: Record<string, string>
}

function prepare({ lines, body }: Canned): Prepared {
  const headers: Record<string, string> = {}
  for (let i = 0; i < lines.length; i += 2) headers[lines[i]!.toLowerCase()] = lines[i + 1]!
  return { lines, body, headers }
}

function answer({ lines, body, headers }: Prepared, handler: Dispatcher.DispatchHandler): void {
  const controller = new Controller(lines)
  handler.onRequestStart?.(controller, {})
  handler.onResponseStart?.(controller, 200, headers, 'OK')
  handler.onResponseData?.(controller, body)
  handler.onResponseEnd?.(controller, {})
}

// A class, for an object with closures takes six times as long to make.
class Controller implements Dispatcher.DispatchController {
  readonly aborted = false
  readonly paused = false
  readonly reason = null
  readonly rawHeaders: string[]
  readonly rawTrailers: string[] = []

  constructor(lines: readonly string[]) {
    this.rawHeaders = lines as string[]
  }

  abort(reason: Error): void {
    throw reason
  }

  pause(): void {}
  resume(): void {}
}
