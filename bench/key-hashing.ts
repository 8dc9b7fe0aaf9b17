/** What does it cost to know a request by its key? */
import { createHash } from 'node:crypto'
import { readBody, type ReadBody } from '../lib/request/read-body.ts'
import { completeRequest, readHead } from '../lib/request/read-request.ts'
import type { RequestOptions } from '../lib/request/request.ts'
import type { Bench } from './bench.ts'
import { jsonBody } from './bodies.ts'
import type { Group } from './harness.ts'
import { kib, sizeName } from './sizes.ts'

type Options = RequestOptions & { readonly headers: Readonly<Record<string, string>> }

const headers: Readonly<Record<string, string>> = {
  Accept: 'application/json',
  'Accept-Encoding': 'gzip, deflate, br',
  'Accept-Language': 'en-GB,en;q=0.8',
  'Cache-Control': 'max-age=600',
  'User-Agent': 'example/1.0 (node)',
  'X-Request-Id': '7b0b4b7e-6a3f-4d0c-9d62-0a8d1c6b8f11',
}
const { 'X-Request-Id': _, ...fiveHeaders } = headers
const withCredential = { ...fiveHeaders, Authorization: 'Bearer 6f1c2a9be0d44c' }

// Not one URL again and again: the processor would learn it by heart.
const urlCount = 1000
const bodyCount = 16

/** Ours against sorting and hashing with what Node and the web platform offer. */
export const bench: Bench = function* (wanted) {
  const groups = [
    getGroup('GET, 2 parameters in order, 6 headers', (n) => `id=${n}&lang=en`, headers),
    getGroup('GET, 2 parameters out of order, 6 headers', (n) => `lang=en&id=${n}`, headers),
    getGroup('GET, 2 parameters, Authorization', (n) => `id=${n}&lang=en`, withCredential),
    postGroup(kib),
    postGroup(100 * kib),
  ]
  yield* groups.filter(({ title }) => wanted(title))
}

function getGroup(
  title: string,
  query: (n: number) => string,
  fields: Readonly<Record<string, string>>,
): Group {
  const requests = Array.from({ length: urlCount }, (_unused, n): Options => {
    const path = `/v1/items/${n * 7919}?${query(n)}`
    return { origin: 'https://api.example.com', path, method: 'GET', headers: fields }
  })
  return {
    title,
    cases: [
      { name: 'naive', run: (i) => naiveKey(requests[i % urlCount]!) },
      {
        name: 'ours',
        run: (i) => keyOf(requests[i % urlCount]!, undefined),
        against: 'naive',
      },
      { name: 'ours, without the hash', run: (i) => readHead(requests[i % urlCount]!) },
    ],
  }
}

function postGroup(bytes: number): Group {
  const path = '/v1/search?lang=en&page=1'
  const fields = { ...headers, 'Content-Type': 'application/json' }
  const requests = Array.from({ length: bodyCount }, (_unused, n): Options => {
    const body = jsonBody(bytes, n).toString()
    return { origin: 'https://api.example.com', path, method: 'POST', headers: fields, body }
  })
  return {
    title: `POST, ${sizeName(bytes)} of JSON`,
    cases: [
      { name: 'naive', run: (i) => naiveKey(requests[i % bodyCount]!) },
      { name: 'ours', run: (i) => postKey(requests[i % bodyCount]!), against: 'naive' },
    ],
  }
}

function keyOf(options: Options, digest: string | undefined): string {
  const head = readHead(options)
  if (typeof head === 'string') throw new Error(`not to be cached: ${head}`)
  return completeRequest(options, head, digest, undefined).key
}

function postKey(options: Options): string {
  const type = options.headers['Content-Type']
  // Text is there at once.
  const { digest } = readBody(options.body, type, Infinity) as ReadBody
  return keyOf(options, digest)
}

function naiveKey({ origin, path, method, headers: fields, body }: Options): string {
  const url = new URL(String(origin) + path)
  url.searchParams.sort()
  const lines = Object.entries(fields)
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .toSorted()
  const content = typeof body === 'string' ? sorted(JSON.parse(body)) : undefined
  const text = JSON.stringify([method, url.href, lines.join('\n'), content])
  return createHash('sha256').update(text).digest('hex')
}

// What both sides do then: the order of members says nothing.
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]))
}
