/** A real server on loopback, which counts what it is asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the origin has received it. */
export interface OriginRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** How often this method and path have been asked for, this time included. */
  readonly nth: number
}

/** Answers a request. */
export type OriginAnswer = (request: OriginRequest, response: ServerResponse) => unknown

/** The server and what it has seen. */
export interface Origin {
  /** Without a slash at the end. */
  readonly url: string
  readonly requests: readonly OriginRequest[]
  /** How often it was asked, for any method of the path, or for anything at all. */
  hits(path?: string): number
  /** What it answers from now on; by default a text that tells how often it was asked. */
  answer(answer: OriginAnswer): void
  close(): Promise<void>
}

const answerWithCount: OriginAnswer = ({ method, path, nth }, response) =>
  response.end(`${method} ${path} ${nth}`)

/** Starts an origin on a free port. */
export async function startOrigin(): Promise<Origin> {
  const requests: OriginRequest[] = []
  let answer = answerWithCount
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming
      const before = requests.filter((each) => each.method === method && each.path === path)
      const body = Buffer.concat(chunks)
      const request = { method, path, headers, body, nth: before.length + 1 }
      requests.push(request)
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hits: (path) => requests.filter((each) => path === undefined || each.path === path).length,
    answer: (next) => (answer = next),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
