/** Ways to break a cache. */
import { hash } from 'node:crypto'
import type { BaseStorage, StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { Place } from '../../lib/entries/store-entry.ts'
import type { Lookup } from '../../lib/entries/lookup.ts'
import type { StoredBody } from '../../lib/entries/record.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'
import type { CacheRequest } from '../../lib/request/request.ts'
import type { Subject } from './mutant.ts'
import { SharedStorage } from './shared-storage.ts'

/** A cache of these storages. */
export function withStorages(
  responses: BaseStorage,
  redirects: BaseStorage = new MemoryStorage(),
): BaseCache {
  return new (class extends BaseCache {
    override readonly responses = responses
    override readonly redirects = redirects
  })()
}

/** A storage that stores something else; nothing where `stored` gives undefined. */
export function storing(
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
export function storingAs(change: (place: Place) => Place): BaseCache {
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
export function blindTo(cut: RegExp): BaseCache {
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
export function indiscreet(where: 'url' | 'headers'): BaseCache {
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

/** Orders header lines by their names. */
export function byName([a = '']: string[], [b = '']: string[]): number {
  return a < b ? -1 : 1
}

/** The lines with names in lower case. */
export function lowerCaseNames(lines: readonly string[]): string[] {
  return lines.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
}

/** The lines, those of one name in one. */
export function joinedLines(lines: readonly string[]): string[] {
  const joined = new Map<string, string>()
  for (let i = 0; i < lines.length; i += 2) {
    const [name = '', value = ''] = lines.slice(i, i + 2)
    const before = joined.get(name)
    joined.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return [...joined].flat()
}

/** Caches of storages that are shared. */
export function shared(
  open: () => SharedStorage,
  again: (storage: BaseStorage) => BaseStorage,
): Subject<BaseCache> {
  return {
    open: () => withStorages(open(), open()),
    reopen: ({ responses, redirects }) => withStorages(again(responses), again(redirects)),
  }
}

/** A storage that says that nothing has changed. */
export class TokenlessStorage extends SharedStorage {
  override changeToken(): number {
    return 1
  }

  // At once, for only what is read at once is kept in the process.
  override peek(key: string): MaybePromise<StoredRecord | undefined> {
    return this.records.peek(key)
  }
}
