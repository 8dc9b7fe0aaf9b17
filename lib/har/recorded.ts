/** What a browser has recorded, as the request that it sent and the answer that it got. */
import { firstLine } from '../policy/validators.ts'
import { headerFields } from '../http/header-lines.ts'
import type { Answer } from './answering.ts'
import type { HarEntry, HarPair, HarRequest, HarResponse } from './format.ts'

/** A request, and what came. */
export interface Recorded {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** Flat. */
  readonly headers: string[]
  readonly body: string | undefined
  readonly answer: Answer
  /** Whether its body had a Content-Encoding, which HAR does not keep. */
  readonly wasEncoded: boolean
}

/** What can be stored, or why it cannot. */
export function readRecorded({ request, response }: HarEntry): Recorded | string {
  const url = URL.parse(request.url)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'no http URL'
  if (!methods.has(request.method)) return `method ${request.method}`
  // Blocked, aborted, or from elsewhere than a server.
  if (response.status < 200) return `status ${response.status}`
  const body = bodyOf(response)
  if (body === undefined && request.method !== 'HEAD') return 'recorded without its body'
  const lines = linesOf(response.headers)
  const { 'content-encoding': encoding } = headerFields(lines)
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: requestHeaders(request, response),
    body: requestBody(request),
    answer: {
      status: response.status,
      statusText: response.statusText ?? '',
      rawHeaders: ofDecoded(lines, body?.byteLength ?? 0, request.method),
      body: body ?? new Uint8Array(0),
    },
    wasEncoded: encoding !== undefined,
  }
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'QUERY'])

function bodyOf({ content, bodySize = 0 }: HarResponse): Buffer | undefined {
  const { text, encoding, size = 0 } = content ?? {}
  if (typeof text === 'string') {
    return encoding === 'base64' ? Buffer.from(text, 'base64') : Buffer.from(text)
  }
  return size > 0 || bodySize > 0 ? undefined : Buffer.alloc(0)
}

function requestBody({ postData }: HarRequest): string | undefined {
  if (typeof postData?.text === 'string') return postData.text
  if (!Array.isArray(postData?.params)) return undefined
  const parameters = postData.params as readonly HarPair[]
  return new URLSearchParams(
    parameters.map(({ name, value }) => [name, value] as [string, string]),
  ).toString()
}

function requestHeaders({ headers }: HarRequest, { status }: HarResponse): string[] {
  const redirects = status >= 300 && status < 400
  const lines: string[] = []
  for (const [name, value] of pairs(linesOf(headers))) {
    const known = name.toLowerCase()
    // What came whole had been asked for on condition that it had changed.
    if (known.startsWith('if-') && status === 200) continue
    // A redirect that is stored with its body is for everybody, not for fetch alone.
    if (known === 'sec-fetch-mode' && redirects) continue
    lines.push(name, value)
  }
  return lines
}

// The body has no Content-Encoding any more, and text is UTF-8: the header fields say so.
function ofDecoded(lines: readonly string[], bytes: number, method: string): string[] {
  const fields = headerFields(lines)
  const charset = /;\s*charset=("?)(?!utf-?8)[^\s";]+\1/i
  const kept: string[] = []
  for (const [name, value] of pairs(lines)) {
    const known = name.toLowerCase()
    if (known === 'content-encoding' || known === 'transfer-encoding') continue
    if (known === 'content-length') {
      kept.push(name, method === 'HEAD' ? value : String(bytes))
    } else if (known === 'content-type' && /^text\//i.test(firstLine(fields['content-type'])!)) {
      kept.push(name, value.replace(charset, '; charset=utf-8'))
    } else if (known === 'vary') {
      // Everybody can read what is not encoded.
      const names = value.split(',').filter((each) => !/^\s*accept-encoding\s*$/i.test(each))
      if (names.length > 0) kept.push(name, names.join(',').trim())
    } else {
      kept.push(name, value)
    }
  }
  return kept
}

/** Flat, as they would have come over HTTP/1. */
function linesOf(headers: readonly HarPair[]): string[] {
  const lines: string[] = []
  for (const { name, value } of headers) {
    // Of HTTP/2: `:status` and the like.
    if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name)) continue
    // Some browsers put the lines of a field into one.
    for (const line of value.split('\n')) lines.push(name, latin1(line.trim()))
  }
  return lines
}

function pairs(flat: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2]!, flat[at * 2 + 1]!])
}

// oxlint-disable-next-line no-control-regex -- to find them
const unfit = /[\u0000-\u0008\u000a-\u001f\u007f]/g

// Header fields are bytes; what a browser shows as another character was UTF-8 once.
function latin1(text: string): string {
  const isWide = Buffer.from(text, 'latin1').toString('latin1') !== text
  const bytes = isWide ? Buffer.from(text).toString('latin1') : text
  return bytes.replaceAll(unfit, '')
}
