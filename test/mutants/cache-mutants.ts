/** Caches that break a promise, by their storages or by what they do with them. */
import { hash } from 'node:crypto'
import type { BaseStorage, StoredRecord } from '../../lib/backends/base-storage.ts'
import { MemoryStorage } from '../../lib/backends/memory.ts'
import { BaseCache, type HistoryStep, type Place } from '../../lib/cache/base-cache.ts'
import { describeRequest, type RequestTarget } from '../../lib/cache/describe-request.ts'
import type { Lookup } from '../../lib/cache/lookup.ts'
import type { StoredBody } from '../../lib/cache/record.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'
import type { CacheRequest } from '../../lib/request/read-request.ts'
import type { CacheMutants, Subject } from './mutant.ts'
import { SharedStorage } from './shared-storage.ts'

function withStorages(
  responses: BaseStorage,
  redirects: BaseStorage = new MemoryStorage(),
): BaseCache {
  return new (class extends BaseCache {
    override readonly responses = responses
    override readonly redirects = redirects
  })()
}

/** A storage that stores something else; nothing where `stored` gives undefined. */
function storing(
  stored: (record: StoredRecord, key: string) => StoredRecord | undefined,
): MemoryStorage {
  return new (class extends MemoryStorage {
    override adopt(key: string, record: StoredRecord): void {
      const changed = stored(record, key)
      if (changed !== undefined) super.adopt(key, changed)
    }
  })()
}

/** A cache that stores another head. */
function storingAs(change: (place: Place) => Place): BaseCache {
  return new (class extends BaseCache {
    override store(
      as: 'response' | 'redirect',
      place: Place,
      body: StoredBody,
    ): MaybePromise<void> {
      return super.store(as, change(place), body)
    }
  })()
}

/** A cache to which requests are the same that differ in what `cut` takes out of their text. */
function blindTo(cut: RegExp): BaseCache {
  const cutKey = (text: string, key: string): string =>
    hash('sha256', text.replace(cut, ' '), 'base64url') + key.slice(43)
  return new (class extends BaseCache {
    override lookup(request: CacheRequest, follows: boolean | undefined): MaybePromise<Lookup> {
      const { text, key } = request
      const cutRequest = { ...request, text: text.replace(cut, ' '), key: cutKey(text, key) }
      return super.lookup(cutRequest, follows)
    }

    override store(
      as: 'response' | 'redirect',
      place: Place,
      body: StoredBody,
    ): MaybePromise<void> {
      const { text } = place.head
      const head = { ...place.head, text: text.replace(cut, ' ') }
      return super.store(as, { ...place, head, key: cutKey(text, place.key) }, body)
    }
  })()
}

/** A cache that writes down what a request said in confidence. */
function indiscreet(where: 'url' | 'headers'): BaseCache {
  let last: CacheRequest | undefined
  return new (class extends BaseCache {
    override lookup(request: CacheRequest, follows: boolean | undefined): MaybePromise<Lookup> {
      last = request
      return super.lookup(request, follows)
    }

    override store(
      as: 'response' | 'redirect',
      place: Place,
      body: StoredBody,
    ): MaybePromise<void> {
      const said = (last?.credentials ?? []).map((each) => each.replace(/^[^:=]*[:=] ?/, ''))
      const { url, headers } = place.request
      const request =
        where === 'url'
          ? { ...place.request, url: `${url}${url.includes('?') ? '&' : '?'}${said.join('&')}` }
          : { ...place.request, headers: [...headers, 'x-said', said.join()] }
      return super.store(as, { ...place, request }, body)
    }
  })()
}

function byName([a = '']: string[], [b = '']: string[]): number {
  return a < b ? -1 : 1
}

function lowerCaseNames(lines: readonly string[]): string[] {
  return lines.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
}

function joinedLines(lines: readonly string[]): string[] {
  const joined = new Map<string, string>()
  for (let i = 0; i < lines.length; i += 2) {
    const [name = '', value = ''] = lines.slice(i, i + 2)
    const before = joined.get(name)
    joined.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return [...joined].flat()
}

function shared(
  open: () => SharedStorage,
  again: (storage: BaseStorage) => BaseStorage,
): Subject<BaseCache> {
  return {
    open: () => withStorages(open(), open()),
    reopen: ({ responses, redirects }) => withStorages(again(responses), again(redirects)),
  }
}

class TokenlessStorage extends SharedStorage {
  override changeToken(): number {
    return 1
  }

  // At once, for only what is read at once is kept in the process.
  override peek(key: string): MaybePromise<StoredRecord | undefined> {
    return this.records.peek(key)
  }
}

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
  'delete: does nothing': () =>
    new (class extends BaseCache {
      override async delete(target: RequestTarget): Promise<boolean> {
        return this.has(target)
      }
    })(),
  'delete: always true': () =>
    new (class extends BaseCache {
      override async delete(target: RequestTarget): Promise<boolean> {
        await super.delete(target)
        return true
      }
    })(),
  'delete: leaves parts and variants': () =>
    new (class extends BaseCache {
      override async delete(target: RequestTarget): Promise<boolean> {
        const { key } = describeRequest(target)
        const [response, redirect] = [this.responses.delete(key), this.redirects.delete(key)]
        return (await response) || redirect
      }
    })(),
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
      override async *urls(): AsyncIterable<string> {}
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
