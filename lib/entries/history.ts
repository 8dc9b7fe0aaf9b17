/** The chain of redirects that is stored for a URL, step by step. */
import { putBackEchoes } from '../secrets/echoes.ts'
import type { CacheRequest } from '../request/request.ts'
import { secretForms } from '../secrets/secret-forms.ts'
import { detailed, type DetailedTarget, type RequestTarget } from './describe-request.ts'
import type { Entry } from './entry.ts'
import type { Lookup } from './lookup.ts'

/** One step of a stored chain of redirects. */
export interface HistoryStep {
  readonly url: string
  /** Undefined for a redirect that was followed below the cache, which saw only its URL. */
  readonly status: number | undefined
  /** Of the request for it, under which it is stored; undefined where `status` is. */
  readonly key: string | undefined
}

/**
 * @param describe the request that a target names
 * @param lookup what is stored for a request, however it follows redirects
 */
export async function historyOf(
  target: RequestTarget,
  describe: (target: RequestTarget) => CacheRequest,
  lookup: (request: CacheRequest) => Promise<Lookup>,
): Promise<HistoryStep[]> {
  const steps: HistoryStep[] = []
  const seen = new Set<string>()
  let next = detailed(target)
  for (;;) {
    const request = describe(next)
    if (seen.has(request.key)) return steps
    seen.add(request.key)
    const { found } = await lookup(request)
    if (found === undefined) {
      // fetch takes Host along to the same origin; undici's redirect() leaves it behind.
      if (steps.length === 0 || request.via === undefined) return steps
      next = { ...next, headers: withoutHost(next.headers) }
      continue
    }
    const { entry, history = [String(next.url)] } = found
    const last = history.at(-1)!
    steps.push(...history.slice(0, -1).map((url) => ({ url, status: undefined, key: undefined })))
    const shown = found.history === undefined && request.via !== undefined ? request.url : last
    steps.push({ url: shown, status: entry.status, key: found.key })
    const after = nextTarget({ ...next, url: last }, request, entry)
    if (after === undefined) return steps
    next = after
  }
}

/** What whoever follows a redirect asks for next; undefined where it is none. */
export function nextTarget(
  asked: DetailedTarget,
  request: CacheRequest,
  entry: Entry,
): DetailedTarget | undefined {
  const location = locationOf(entry, request)
  const to = location === undefined ? null : URL.parse(location, String(asked.url))
  return to === null ? undefined : following(asked, entry.status, to, new URL(asked.url))
}

// As fetch and undici ask next: these fields stay with their origin, and a form that was sent is not
// sent again (RFC 9110 §15.4).
const ofTheOrigin = /^(?:authorization|proxy-authorization|cookie|host)$/i

function following(asked: DetailedTarget, status: number, to: URL, from: URL): DetailedTarget {
  const { key, body, method = body === undefined ? 'GET' : 'POST' } = asked
  const headers = to.origin === from.origin ? asked.headers : elsewhere(asked.headers)
  const toGet = status === 303 || ((status === 301 || status === 302) && method === 'POST')
  if (toGet && method !== 'HEAD') return { url: to.href, method: 'GET', headers, key }
  return { url: to.href, method, headers, body, key }
}

function elsewhere(headers: DetailedTarget['headers'] = {}): DetailedTarget['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ofTheOrigin.test(name)))
}

function withoutHost(headers: DetailedTarget['headers'] = {}): DetailedTarget['headers'] {
  const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host')
  return Object.fromEntries(others)
}

function locationOf(entry: Entry, request: CacheRequest): string | undefined {
  const lines =
    entry.echoes === undefined
      ? entry.rawHeaders
      : putBackEchoes(entry.rawHeaders, entry.echoes, secretForms(request))
  const at = lines.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'location')
  return at === -1 ? undefined : lines[at + 1]
}
