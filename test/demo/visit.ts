/** One URL through global `fetch`, measured from the call to the last byte. */
import { getCacheInfo, type CacheInfo, type CacheInterceptor } from '../../lib/index.ts'

/** What a visit showed; plain data, for it crosses from process to process. */
export interface Visit {
  readonly url: string
  /** Undefined where there was no response at all. */
  readonly status?: number
  /** Redirects followed. */
  readonly hops?: number
  readonly from: 'origin' | 'cache' | 'cache, confirmed' | 'not stored' | 'failed'
  /** How long ago the origin gave or confirmed it, in milliseconds. */
  readonly age?: number
  readonly milliseconds: number
  /** Of the body, decoded. */
  readonly bytes?: number
  /** Why there was no response. */
  readonly error?: string
}

const patience = 30_000

/** Fetches a URL; a failure is a visit, too. */
export async function visit(url: string, { cache }: CacheInterceptor): Promise<Visit> {
  const began = performance.now()
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience) })
    const { byteLength } = await response.arrayBuffer()
    const milliseconds = performance.now() - began
    const info = getCacheInfo(response)
    const steps = await cache.history(url)
    const hops = steps.filter(({ status }) => status === undefined || isRedirect(status)).length
    return {
      url,
      status: response.status,
      // A chain that is not stored can only be told to be one.
      hops: hops === 0 && response.redirected ? 1 : hops,
      from: whence(info),
      ...(info?.hit === true && { age: Date.now() - (info.storedAt ?? Date.now()) }),
      milliseconds,
      bytes: byteLength,
    }
  } catch (error) {
    return { url, from: 'failed', milliseconds: performance.now() - began, error: reason(error) }
  }
}

function whence(info: CacheInfo | undefined): Visit['from'] {
  if (info?.hit === true) return info.revalidated ? 'cache, confirmed' : 'cache'
  return info?.reason === 'only-if-cached' ? 'not stored' : 'origin'
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400
}

// `fetch` says "fetch failed"; what has failed is in the cause, and that of a host with several
// addresses has no message, only a code.
function reason(error: unknown): string {
  const { cause = error } = error as { cause?: unknown }
  const { message = '', code = '' } = cause as { message?: string; code?: string }
  return message || code || String(error)
}
