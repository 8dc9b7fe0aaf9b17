/** The site that the demo asks: what a real one serves, on loopback. */
import { createCipheriv } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** A server, how often it was asked, and its end. */
export interface DemoOrigin {
  /** Without a slash at the end. */
  readonly url: string
  /** Requests since the last call. */
  takeCount(): number
  stop(): Promise<void>
}

/** What the demo visits, in this order. */
export const demoPaths: readonly string[] = [
  '/',
  '/api/articles.json',
  '/photo.jpg',
  '/go/42',
  '/news',
  '/report',
]

const slowMs = 600
const photoBytes = 3_500_000

const page = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Caches that stay</title></head>
  <body>
    <h1>Caches that stay</h1>
${Array.from({ length: 120 }, (_, n) => `    <p id="p${n}">A response that was stored is one that nobody waits for: paragraph ${n}.</p>`).join('\n')}
  </body>
</html>
`

const articles = gzipSync(
  JSON.stringify(
    Array.from({ length: 400 }, (_, id) => ({
      id,
      title: `Article ${id}`,
      tags: ['http', 'cache'],
    })),
  ),
)

// The same bytes in every run, and no compressor makes them smaller, as with a real photo.
const photo = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(photoBytes),
)

const redirects: Readonly<Record<string, [status: number, location: string]>> = {
  '/go/42': [301, '/post/42'],
  '/post/42': [302, '/posts/42'],
  '/posts/42': [308, '/posts/42-caches-that-stay'],
}

const edition = '"edition-1"'

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? ''
  const redirect = redirects[path]
  if (redirect !== undefined) {
    const [status, location] = redirect
    return void response.writeHead(status, { location }).end(`Moved to ${location}\n`)
  }
  switch (path) {
    case '/':
    case '/posts/42-caches-that-stay':
      return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
    case '/api/articles.json':
      return void response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(articles)
    case '/photo.jpg':
      return void response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo)
    case '/report':
      return void setTimeout(
        () =>
          response.writeHead(200, { 'content-type': 'text/csv' }).end('quarter,visits\n1,4711\n'),
        slowMs,
      )
    case '/news':
      return answerNews(request, response)
    default:
      return void response.writeHead(404).end()
  }
}

// The first answer may not be used again without asking. Who asks learns that nothing has changed,
// and that the next edition is an hour away.
function answerNews(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers['if-none-match'] === edition) {
    response.writeHead(304, { etag: edition, 'cache-control': 'max-age=3600' }).end()
    return
  }
  const headers = { 'content-type': 'text/plain', etag: edition, 'cache-control': 'max-age=0' }
  response.writeHead(200, headers).end('Nothing has happened.\n'.repeat(80))
}

/** Starts the site on a free port. */
export async function startDemoOrigin(): Promise<DemoOrigin> {
  let count = 0
  const server = createServer((request, response) => {
    count++
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    takeCount: () => {
      const taken = count
      count = 0
      return taken
    },
    stop: async () => {
      const stopped = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await stopped
    },
  }
}
