/** What does it cost to turn a response into what is stored, and back? */
import { deserialize, serialize } from 'node:v8'
import { frameHead, readFrame } from '../lib/storage/frame.ts'
import type { EntryHead, StoredRequest } from '../lib/entries/entry.ts'
import { decodeEntry, encodeEntry, wholeBody } from '../lib/entries/record.ts'
import type { Bench } from './bench.ts'
import { jsonBody } from './bodies.ts'
import type { Group } from './harness.ts'
import { kib, mib, sizeName } from './sizes.ts'

const head: EntryHead = {
  text: 'GET https://api.example.com/v1/items/7919?id=17&lang=en',
  status: 200,
  statusText: 'OK',
  rawHeaders: Array.from({ length: 20 }, (_, n) => [
    `X-Header-Number-${n}`,
    `a value of about forty characters, ${n * 7919}`,
  ]).flat(),
  rawTrailers: [],
  storedAt: 1_700_000_000_000,
  expiresAt: 1_700_000_600_000,
}

const request: StoredRequest = {
  method: 'GET',
  url: 'https://api.example.com/v1/items/7919?id=17&lang=en',
  headers: ['accept', 'application/json', 'user-agent', 'example/1.0 (node)'],
}

/** Ours, as columns and as a frame, against JSON with the body as base64 and `v8.serialize`. */
export const bench: Bench = function* (wanted) {
  for (const bytes of [kib, 64 * kib, mib]) {
    const groups = [encoding(bytes), decoding(bytes)]
    yield* groups.filter(({ title }) => wanted(title))
  }
}

function encoding(bytes: number): Group {
  const bytesOfBody = jsonBody(bytes, 1)
  const body = wholeBody(bytesOfBody)
  const value = { head, request, check: body.bodyCheck }
  return {
    title: `encode ${sizeName(bytes)}, 20 headers`,
    cases: [
      {
        name: 'JSON + base64',
        run: () => JSON.stringify({ ...value, body: bytesOfBody.toString('base64') }),
      },
      {
        name: 'v8.serialize',
        run: () => serialize({ ...value, body: bytesOfBody }),
        against: 'JSON + base64',
      },
      {
        name: 'ours, columns',
        run: () => encodeEntry(head, body, request, head.expiresAt),
        against: 'JSON + base64',
      },
      {
        name: 'ours, frame',
        // As it is written into a file: the body follows from where it is.
        run: () => frameHead(encodeEntry(head, body, request, head.expiresAt)),
        against: 'JSON + base64',
      },
      {
        name: 'ours, columns, with the digest of the body',
        run: () => encodeEntry(head, wholeBody(bytesOfBody), request, head.expiresAt),
        against: 'JSON + base64',
      },
    ],
  }
}

function decoding(bytes: number): Group {
  const bytesOfBody = jsonBody(bytes, 1)
  const body = wholeBody(bytesOfBody)
  const value = { head, request, check: body.bodyCheck }
  const json = JSON.stringify({ ...value, body: bytesOfBody.toString('base64') })
  const serialized = serialize({ ...value, body: bytesOfBody })
  const record = encodeEntry(head, body, request, head.expiresAt)
  const framed = Buffer.concat([frameHead(record), record.body])
  return {
    title: `decode ${sizeName(bytes)}, 20 headers`,
    cases: [
      { name: 'JSON + base64', run: () => readJson(json) },
      { name: 'v8.deserialize', run: () => deserialize(serialized), against: 'JSON + base64' },
      { name: 'ours, columns', run: () => decodeEntry(record), against: 'JSON + base64' },
      { name: 'ours, frame', run: () => decodeEntry(readFrame(framed)), against: 'JSON + base64' },
    ],
  }
}

function readJson(text: string): unknown {
  const value = JSON.parse(text) as { body: string }
  return { ...value, body: Buffer.from(value.body, 'base64') }
}
