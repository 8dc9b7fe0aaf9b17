/** Caches that break a promise, by their storages or by what they do with them. */
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { Place } from '../../lib/entries/store-entry.ts'
import { describeRequest, type RequestTarget } from '../../lib/entries/describe-request.ts'
import type { HistoryStep } from '../../lib/entries/history.ts'
import type { StoredBody } from '../../lib/entries/record.ts'
import {
  blindTo,
  byName,
  indiscreet,
  joinedLines,
  lowerCaseNames,
  shared,
  storing,
  storingAs,
  TokenlessStorage,
  withStorages,
} from './broken-caches.ts'
import type { CacheMutants } from './mutant.ts'
import { SharedStorage } from './shared-storage.ts'

const one = new MemoryStorage()

/** Caches by what is wrong with them. */
export const cacheMutants: CacheMutants = {
  'redirects are not stored': () =>
    withStorages(
      new MemoryStorage(),
      storing(() => undefined),
    ),
  'redirects lose their Location': () =>
    withStorages(
      new MemoryStorage(),
      storing((record) => ({
        ...record,
        head: record.head.replace(/"[lL]ocation","[^"]*"/, '"x","y"'),
      })),
    ),
  'responses and redirects are one namespace': () => withStorages(one, one),
  'bodies are stored as text': () =>
    withStorages(
      storing((record) => ({ ...record, body: Buffer.from(Buffer.from(record.body).toString()) })),
    ),
  'long bodies lose a part': () =>
    withStorages(storing((record, key) => (key.endsWith('.1') ? undefined : record))),
  'empty bodies are not stored': () =>
    withStorages(storing((record) => (record.body.byteLength === 0 ? undefined : record))),
  'what expires is not stored': () =>
    withStorages(storing((record) => (record.expiresAt === undefined ? record : undefined))),
  'nothing is stored': () => withStorages(storing(() => undefined)),
  'expiry is forgotten': () =>
    storingAs((place) => ({ ...place, head: { ...place.head, expiresAt: undefined } })),
  'expiry is forgotten by the storage': () =>
    withStorages(storing(({ head, body }) => ({ head, body }))),
  'variants are one': () =>
    storingAs((place) => ({ ...place, head: { ...place.head, selectedBy: undefined } })),
  'users are one': () => blindTo(/ identity:\S+/),
  'methods are one': () => blindTo(/^\w+ /),
  'queries are one': () => blindTo(/\?\S*/),
  'request bodies are one': () => blindTo(/ body:\S+/),
  'credentials are stored in the URL': () => indiscreet('url'),
  'credentials are stored in the headers': () => indiscreet('headers'),
  'header names are stored in lower case': () =>
    storingAs((place) => ({
      ...place,
      head: { ...place.head, rawHeaders: lowerCaseNames(place.head.rawHeaders) },
    })),
  'repeated header lines are joined': () =>
    storingAs((place) => ({
      ...place,
      head: { ...place.head, rawHeaders: joinedLines(place.head.rawHeaders) },
    })),
  'header lines are sorted': () =>
    storingAs((place) => {
      const { rawHeaders } = place.head
      const pairs = rawHeaders.flatMap((text, i) =>
        i % 2 === 0 ? [[text, rawHeaders[i + 1] ?? '']] : [],
      )
      return { ...place, head: { ...place.head, rawHeaders: pairs.toSorted(byName).flat() } }
    }),
  'the status text is lost': () =>
    storingAs((place) => ({ ...place, head: { ...place.head, statusText: '' } })),
  'trailers are lost': () =>
    storingAs((place) => ({ ...place, head: { ...place.head, rawTrailers: [] } })),
  'the status is always 200': () =>
    storingAs((place) => ({ ...place, head: { ...place.head, status: 200 } })),
  'a 304 renews nothing': () =>
    new (class extends BaseCache {
      override refresh(): boolean {
        return true
      }
    })(),
  'a body is stored twice': () =>
    new (class extends BaseCache {
      override async store(
        as: 'response' | 'redirect',
        place: Place,
        body: StoredBody,
      ): Promise<void> {
        await super.store(as, place, body)
        await super.store(as, { ...place, key: `${place.key}.copy` }, body)
      }
    })(),
  'has: always true': () =>
    new (class extends BaseCache {
      override async has(): Promise<boolean> {
        return true
      }
    })(),
  'has: looks at responses only': () =>
    new (class extends BaseCache {
      override async has(target: RequestTarget): Promise<boolean> {
        return this.responses.has(describeRequest(target).key)
      }
    })(),
  'delete: does nothing': () => deleting((cache, target) => cache.has(target)),
  'delete: always true': () =>
    deleting(async (_, target, remove) => {
      await remove(target)
      return true
    }),
  'delete: leaves parts and variants': () =>
    deleting(async ({ responses, redirects }, target) => {
      const { key } = describeRequest(target)
      const [response, redirect] = [responses.delete(key), redirects.delete(key)]
      return (await response) || redirect
    }),
  'clear: leaves redirects': () =>
    new (class extends BaseCache {
      override async clear(): Promise<void> {
        await this.responses.clear()
      }
    })(),
  'size: counts parts': () =>
    new (class extends BaseCache {
      override async size(): Promise<number> {
        return this.responses.size()
      }
    })(),
  'size: counts redirects': () =>
    new (class extends BaseCache {
      override async size(): Promise<number> {
        return (await super.size()) + (await this.redirects.size())
      }
    })(),
  'urls: none': () =>
    new (class extends BaseCache {
      override async *urls(): AsyncGenerator<string, void, undefined> {}
    })(),
  'history: the last step only': () =>
    new (class extends BaseCache {
      override async history(target: RequestTarget): Promise<HistoryStep[]> {
        return (await super.history(target)).slice(-1)
      }
    })(),
  'prune: does nothing': () =>
    new (class extends BaseCache {
      override async prune(): Promise<number> {
        return 0
      }
    })(),
  'prune: deletes what never expires': () =>
    new (class extends BaseCache {
      override async prune(now?: number): Promise<number> {
        await this.responses.clear()
        return super.prune(now)
      }
    })(),
  'prune: leaves redirects': () =>
    new (class extends BaseCache {
      override async prune(now = 0): Promise<number> {
        return this.responses.deleteExpired(now, 100)
      }
    })(),
  'reopen: is empty': shared(
    () => new SharedStorage(),
    () => new SharedStorage(),
  ),
  'reopen: redirects are lost': {
    open: () => withStorages(new SharedStorage(), new SharedStorage()),
    reopen: ({ responses }) => withStorages(responses, new SharedStorage()),
  },
  'reopen: what others change is not seen': shared(
    () => new TokenlessStorage(),
    (storage) => new TokenlessStorage((storage as SharedStorage).records),
  ),
}

/** What must pass. */
export const soundCaches: CacheMutants = {
  BaseCache: () => new BaseCache(),
  'a cache of shared storages': shared(
    () => new SharedStorage(),
    (storage) => new SharedStorage((storage as SharedStorage).records),
  ),
}

type Remove = (target: RequestTarget) => Promise<boolean>

/** A cache that deletes what a request is answered with in another way. */
function deleting(
  another: (cache: BaseCache, target: RequestTarget, remove: Remove) => Promise<boolean>,
): BaseCache {
  const cache = new BaseCache()
  const remove: Remove = cache.delete.bind(cache)
  cache.delete = ((target: RequestTarget) => another(cache, target, remove)) as typeof cache.delete
  return cache
}
