import { fetch, request } from 'undici'
import type { CallOptions } from '../../lib/options/options.ts'
import { getCacheInfo, type CacheInfo } from '../../lib/response/cache-info.ts'
import type { CachedAgent } from './caches.ts'

/** A response, read to its end. */
export interface Got {
  readonly status: number
  readonly text: string
  readonly info: CacheInfo | undefined
  readonly cacheStatus: string
}

/** Asks with `fetch`; the options of the call are around it. */
export async function viaFetch(
  { agent, caching }: CachedAgent,
  url: string,
  call: CallOptions = {},
  init: Parameters<typeof fetch>[1] = {},
): Promise<Got> {
  const response = await caching.with(call, () => fetch(url, { ...init, dispatcher: agent }))
  const cacheStatus = response.headers.get('cache-status') ?? ''
  const text = await response.text()
  return { status: response.status, text, info: getCacheInfo(response), cacheStatus }
}

/** Asks with undici's `request()`; the options of the call are in its own. */
export async function viaRequest(
  { agent }: CachedAgent,
  url: string,
  cache: CallOptions = {},
  init: Parameters<typeof request>[1] = {},
): Promise<Got> {
  const options = { ...init, dispatcher: agent, cache } as Parameters<typeof request>[1]
  const response = await request(url, options)
  const text = await response.body.text()
  const cacheStatus = String(response.headers['cache-status'])
  return { status: response.statusCode, text, info: getCacheInfo(response), cacheStatus }
}

/** For how many seconds what has just been stored is used; Infinity for ever. */
export function secondsOf({ info }: Got): number | undefined {
  if (info?.stored !== true) return undefined
  return info.expiresAt === undefined ? Infinity : (info.expiresAt - info.storedAt!) / 1000
}
