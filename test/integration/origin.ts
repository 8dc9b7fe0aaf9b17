import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A real server on loopback that remembers what it was asked. */
export interface Origin {
  /** Without a slash at the end. */
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** How often a path was asked for, whatever the method. */
  count(path: string): number
  close(): Promise<void>
}

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answer = (
  request: SeenRequest,
  response: ServerResponse,
  /** How often this path has been asked for, this request included. */
  nth: number,
) => void

/** Starts an origin, and stops it after the test. */
export async function startOrigin(t: TestContext, answer: Answer): Promise<Origin> {
  const requests: SeenRequest[] = []
  const count = (path: string): number => requests.filter((request) => request.path === path).length
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const path = incoming.url ?? ''
      const body = Buffer.concat(chunks).toString('latin1')
      const seen = { method: incoming.method ?? '', path, headers: incoming.headers, body }
      requests.push(seen)
      answer(seen, response, count(path))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.after(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    count,
    close,
  }
}

/** `/404` answers with 404, all others with 200; the body says how often. */
export const answerByPath: Answer = ({ path }, response, nth) => {
  response.writeHead(Number(/\d{3}/.exec(path)?.[0] ?? 200)).end(String(nth))
}
