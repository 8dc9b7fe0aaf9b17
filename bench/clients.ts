/** The ways in which programs ask, each until the whole body is there. */
import { fetch, request, type Dispatcher } from 'undici'

/** Asks for a URL, by way of a dispatcher; the body is read to its end. */
export type Client = (dispatcher: Dispatcher, target: Target) => Promise<Body>

/** What a body comes as. */
export type Body = ArrayBuffer | readonly Uint8Array[]

export interface Target {
  readonly url: string
  readonly origin: string
  readonly path: string
}

/** By name; the first shows what a cache itself costs, the others what programs see of it. */
export const clients: Readonly<Record<string, Client>> = {
  'raw dispatch': dispatchRaw,
  'request()': async (dispatcher, { url }) => {
    const { body } = await request(url, { dispatcher, headers })
    return body.arrayBuffer()
  },
  'fetch()': async (dispatcher, { url }) => {
    const response = await fetch(url, { dispatcher, headers })
    return response.arrayBuffer()
  },
}

const headers: Readonly<Record<string, string>> = {
  accept: 'application/json',
  'user-agent': 'example/1.0 (node)',
}

function dispatchRaw(dispatcher: Dispatcher, { origin, path }: Target): Promise<Body> {
  return new Promise((resolve, reject) => {
    const handler = new TrivialHandler(resolve, reject)
    dispatcher.dispatch({ origin, path, method: 'GET', headers }, handler)
  })
}

/** Does as little as a handler can do that gets the whole body. */
class TrivialHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (body: Body) => void
  readonly #reject: (error: Error) => void
  readonly #chunks: Buffer[] = []

  constructor(resolve: (body: Body) => void, reject: (error: Error) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  onRequestStart(): void {}
  onResponseStart(): void {}

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#resolve(this.#chunks)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error)
  }
}
