/** The site that every backend is tried on, on loopback: what a program asks for in real life. */
import { createCipheriv } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server, how often it was asked, and its end. */
export interface Site {
  readonly urls: readonly string[]
  /** What a URL leads to, where its redirects have been followed. */
  bodyOf(url: string): Buffer
  asked(): number
  stop(): Promise<void>
}

interface Page {
  readonly type: string
  readonly body: Buffer
}

const photoBytes = 2 * 2 ** 20

const text = (n: number): string =>
  `${n}. A response that was stored is one that nobody waits for.\n`.repeat(40)
const record = (id: number): object => ({ id, title: `Article ${id}`, tags: ['http', 'cache'] })

const pages = new Map<string, Page>([
  ...Array.from({ length: 8 }, (_, n): [string, Page] => [
    `/pages/${n}`,
    { type: 'text/plain; charset=utf-8', body: Buffer.from(text(n)) },
  ]),
  ...Array.from({ length: 10 }, (_, n): [string, Page] => [
    `/api/articles?page=${n}`,
    {
      type: 'application/json',
      body: Buffer.from(JSON.stringify(Array.from({ length: 100 }, (_unused, i) => record(i)))),
    },
  ]),
  // The same bytes in every run, and nothing makes them smaller, as with a real photo.
  [
    '/photo.jpg',
    {
      type: 'image/jpeg',
      body: createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
        Buffer.alloc(photoBytes),
      ),
    },
  ],
  ['/posts/42', { type: 'text/html', body: Buffer.from('<!doctype html><p>Here it is now.</p>') }],
])

const redirects = new Map([
  ['/go/42', { status: 301, location: '/old/42' }],
  ['/old/42', { status: 302, location: '/posts/42' }],
])

// What a chain leads to is asked for by way of the chain.
const paths = [...pages.keys()].map((path) => (path === '/posts/42' ? '/go/42' : path))

/** Starts the site on a free port. */
export async function startSite(): Promise<Site> {
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    const path = request.url ?? ''
    const redirect = redirects.get(path)
    if (redirect !== undefined) {
      return void response.writeHead(redirect.status, { location: redirect.location }).end()
    }
    const page = pages.get(path)
    if (page === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': page.type, 'content-length': page.body.byteLength })
    response.end(page.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    urls: paths.map((path) => origin + path),
    bodyOf(url) {
      const path = url.slice(origin.length)
      return pages.get(path === '/go/42' ? '/posts/42' : path)!.body
    },
    asked: () => asked,
    async stop() {
      const stopped = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await stopped
    },
  }
}
