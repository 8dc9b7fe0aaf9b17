/** The chain of redirects that is stored for a URL, step by step. */
import { credentialForms, putBackEchoes } from '../request/echoes.ts'
import type { CacheRequest } from '../request/read-request.ts'
import { describeRequest, detailed, type RequestTarget } from './describe-request.ts'
import type { Entry } from './entry.ts'
import type { Lookup } from './lookup.ts'

/** One step of a stored chain of redirects. */
export interface HistoryStep {
  readonly url: string
  /** Undefined for a redirect that was followed below the cache, which saw only its URL. */
  readonly status: number | undefined
}

/** @param lookup what is stored for a request, however it follows redirects */
export async function historyOf(
  target: RequestTarget,
  lookup: (request: CacheRequest) => Promise<Lookup>,
): Promise<HistoryStep[]> {
  const steps: HistoryStep[] = []
  const seen = new Set<string>()
  let next = detailed(target)
  for (;;) {
    const request = describeRequest(next)
    if (seen.has(request.key)) return steps
    seen.add(request.key)
    const { found } = await lookup(request)
    if (found === undefined) return steps
    const { entry, history = [String(next.url)] } = found
    const last = history.at(-1)!
    steps.push(...history.slice(0, -1).map((url) => ({ url, status: undefined })))
    steps.push({ url: last, status: entry.status })
    const location = locationOf(entry, request)
    if (location === undefined || !URL.canParse(location, last)) return steps
    next = following(next, entry.status, new URL(location, last), new URL(last))
  }
}

// As whoever follows a redirect asks next: credentials stay with their origin, and a form that was
// sent is not sent again (RFC 9110 §15.4).
function following(
  asked: ReturnType<typeof detailed>,
  status: number,
  to: URL,
  from: URL,
): ReturnType<typeof detailed> {
  const toGet = status === 303 || ((status === 301 || status === 302) && asked.method === 'POST')
  const method = toGet && asked.method !== 'HEAD' ? 'GET' : asked.method
  return { url: to.href, method, headers: to.origin === from.origin ? asked.headers : undefined }
}

function locationOf(entry: Entry, request: CacheRequest): string | undefined {
  const lines =
    entry.echoes === undefined
      ? entry.rawHeaders
      : putBackEchoes(entry.rawHeaders, entry.echoes, credentialForms(request.credentials))
  const at = lines.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'location')
  return at === -1 ? undefined : lines[at + 1]
}
