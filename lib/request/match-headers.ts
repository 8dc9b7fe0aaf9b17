/**
 * The header fields of a request that the caller wants in the key. What fetch writes by itself is
 * left out, for it says nothing of the caller, and whoever names a request does not know it.
 */
import { hash } from 'node:crypto'
import { isCredentialHeader, isForgeryToken } from '../secrets/credentials.ts'
import { eachHeader } from '../http/header-fields.ts'
import { isolatesField } from '../secrets/identity-names.ts'
import { leavesOut, type KeyRules } from './key-rules.ts'

/** What decides about header fields, apart from the rules. */
export interface HeaderSource {
  readonly headers: unknown
  readonly fromFetch: boolean
  readonly hasBody: boolean
}

/** A digest of what the request says in those fields; undefined where they are not asked for. */
export function digestHeaders(
  rules: KeyRules,
  { headers, fromFetch, hasBody }: HeaderSource,
): string | undefined {
  const { matchHeaders, names } = rules
  if (matchHeaders === undefined) return undefined
  const fields = new Map<string, string[]>()
  eachHeader(headers, (written, value) => {
    const name = written.toLowerCase()
    const counts =
      matchHeaders === true
        ? isOfCaller(name, hasBody) && !isolatesField(names, name)
        : matchHeaders.includes(name)
    if (!counts || leavesOut(rules, name) || (fromFetch && isOfFetch(name, value))) return
    const lines = fields.get(name)
    if (lines === undefined) fields.set(name, [value.trim()])
    else lines.push(value.trim())
  })
  const said = [...fields]
    .map(([name, lines]): [string, string[]] => [name, normalize(name, lines)])
    .filter(([name, lines]) => !saysNothing(name, lines))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  // With the names that were asked for: what was stored when others were is not what is wanted.
  return hash('sha256', JSON.stringify([matchHeaders, said]), 'base64url')
}

// Fields of one connection (RFC 9110 §7.6.1), what is part of the URL, and what follows from the body
// or steers this cache.
const notOfCaller = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'cache-control',
  'pragma',
  'date',
])

// What tracing and idempotency put into each request anew.
const byChance =
  /^(?:traceparent|tracestate|baggage|b3|x-b3-.+|x-datadog-.+|(?:x-)?(?:request|correlation|trace|span|transaction|idempotency)-(?:id|key)|x-amzn-trace-id|x-cloud-trace-context|x-client-trace-id|sentry-trace|uber-trace-id|newrelic)$/

function isOfCaller(name: string, hasBody: boolean): boolean {
  return !(
    notOfCaller.has(name) ||
    byChance.test(name) ||
    isForgeryToken(name) ||
    name.startsWith('sec-') ||
    // Who asks is known by `identity`, and how the body is to be read by its digest.
    isCredentialHeader(name) ||
    (hasBody && name === 'content-type')
  )
}

function isOfFetch(name: string, value: string): boolean {
  if (name === 'user-agent') return value === 'node' || value === 'undici'
  return name === 'accept-encoding' && /^(?:br, )?gzip, deflate(?:, zstd)?$/.test(value)
}

// Lists whose lines may be joined, and whose white space means nothing (RFC 9110 §5.6.1, §12.5).
const lists = new Set(['accept', 'accept-charset', 'accept-encoding', 'accept-language'])

function normalize(name: string, lines: string[]): string[] {
  if (!lists.has(name) || lines.some((line) => line.includes('"'))) return lines
  const compact = lines.join(',').replaceAll(/[ \t]*([,;=])[ \t]*/g, '$1')
  return [name === 'accept' ? compact : compact.toLowerCase()]
}

// RFC 9110 §12.5.1 and §12.5.4: what stands for any is as good as nothing.
function saysNothing(name: string, lines: string[]): boolean {
  const any = name === 'accept' ? '*/*' : name === 'accept-language' ? '*' : undefined
  return lines.length === 1 && lines[0] === any
}
