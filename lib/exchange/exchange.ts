/** One request on its way through the cache: all that is known of it, and of what is around it. */
import type { Dispatcher } from 'undici'
import type { CacheError } from '../errors.ts'
import type { Guard } from './storage-guard.ts'
import type { Flights } from '../cache/single-flight.ts'
import type { LoopTurn } from '../loop-turn.ts'
import type { Settings } from '../options/settings.ts'
import type { Directives } from '../policy/cache-control.ts'
import type { Refreshes } from './refreshes.ts'
import type { CacheRequest } from '../request/request.ts'
import type { Downstream } from '../response/downstream.ts'
import type { StorageWait } from './storage-wait.ts'

/** What the exchanges of one interceptor share. */
export interface Shared {
  readonly guard: Guard
  readonly flights: Flights
  readonly turn: LoopTurn
  readonly refreshes: Refreshes
  /** Tells of what went wrong. */
  readonly report: (error: CacheError) => void
  /** What has been told of, and is told of once. */
  readonly told: Set<string>
}

/** One composition: what is below the interceptor there. */
export interface Route {
  readonly dispatch: Dispatcher.Dispatch
  /** Of undici 8: what the composed dispatcher connects to, where that is one origin. */
  readonly origin: string | undefined
  /** Whether redirects are followed below, for requests that do not say; learned by watching. */
  followsBelow: boolean | undefined
}

/** All that is known of one request while it is on its way. */
export interface Exchange {
  readonly shared: Shared
  readonly settings: Settings
  readonly route: Route
  /** As they go to the origin. */
  readonly options: Dispatcher.DispatchOptions
  readonly down: Downstream
  readonly request: CacheRequest
  readonly directives: Directives
  /** How long it may still wait for the storage. */
  readonly wait: StorageWait
}

/** How many redirects the caller wants to have followed below; undefined where it does not say. */
export function requestedRedirections(options: Dispatcher.DispatchOptions): number | undefined {
  return (options as { maxRedirections?: number | null }).maxRedirections ?? undefined
}

/** Whether the origin may be asked for what cannot be answered from the cache. */
export function mayAsk({ settings, directives }: Exchange): boolean {
  return !settings.onlyIfCached && !directives.has('only-if-cached')
}

/** Whether redirects are followed below the cache; undefined where that is not known yet. */
export function followsRedirects({ options, route }: Exchange): boolean | undefined {
  const asked = requestedRedirections(options)
  return asked === undefined ? route.followsBelow : asked > 0
}
