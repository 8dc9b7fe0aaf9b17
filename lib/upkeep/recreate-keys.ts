/**
 * Gives stored responses the keys that they have under other rules: after `matchHeaders`,
 * `ignoredParameters` or another option about keys has changed, so that they are found again.
 */
import type { BaseStorage, StoredHead } from '../storage/base-storage.ts'
import { isAbortSignal, isFunction, type Rules } from '../check-options.ts'
import { isEntryError, type CacheError } from '../errors.ts'
import { reportError } from '../events.ts'
import type { KeyRules, MatchOptions } from '../request/key-rules.ts'
import { takeOutEchoes, type Echo, type TakenOut } from '../secrets/echoes.ts'
import { matchRules } from '../request/match-rules.ts'
import { recreateKey, type KeptRequest, type RecreatedKey } from '../request/recreate-key.ts'
import { secretForms } from '../secrets/secret-forms.ts'
import { CachedResponse } from '../entries/cached-response.ts'
import { copyEntry, type CopyWay } from './copy.ts'
import type { RemoveParts } from './deletion.ts'
import type { Entry } from '../entries/entry.ts'
import { decodeChain, decodeHead, decodeRequest, encodeChain } from '../entries/record.ts'
import { entryHeads } from '../entries/listing.ts'
import { chainKey, endKey, kindOfRecord, ownerOfChain, primaryKey } from '../entries/record-keys.ts'

/** How keys are recreated; the options about keys are those of `cacheInterceptor()`. */
export interface RecreateOptions extends MatchOptions {
  /** Told after each response and redirect. */
  readonly onProgress?: ((progress: RecreateResult) => void) | undefined
  /** Told of each entry that cannot be read, and its key. */
  readonly onError?: ((error: CacheError, key: string) => void) | undefined
  /** Ends it before the next response; what was moved until then stays. */
  readonly signal?: AbortSignal | undefined
}

/** What has become of the responses and redirects. */
export interface RecreateResult {
  /** That have another key now. */
  readonly moved: number
  /** That have the key they had, also because what the new one depends on was not stored. */
  readonly kept: number
  /** That were deleted: a newer one has the same key now. */
  readonly superseded: number
  /** That could not be read; each was reported. */
  readonly unreadable: number
}

/** Checks of `RecreateOptions`. */
export const recreateRules: Rules<RecreateOptions> = {
  ...matchRules,
  onProgress: isFunction,
  onError: isFunction,
  signal: isAbortSignal,
}

/** A cache's namespaces, each from and into itself. */
export interface Ways {
  readonly responses: CopyWay
  readonly redirects: CopyWay
}

/** @throws what a storage or a function of the rules throws, and the signal's reason */
export async function recreateAll(
  ways: Ways,
  rules: KeyRules | undefined,
  options: Omit<RecreateOptions, keyof MatchOptions>,
  removeParts: RemoveParts,
): Promise<RecreateResult> {
  const result = { moved: 0, kept: 0, superseded: 0, unreadable: 0 }
  // Chains first, while what they lead to is still where they say.
  for (const way of [ways.redirects, ways.responses]) {
    // What has been moved may be listed once more.
    const done = new Set<string>()
    for await (const stored of entryHeads(way.from)) {
      if (done.has(stored.key)) continue
      options.signal?.throwIfAborted()
      try {
        const outcome =
          kindOfRecord(stored.key) === 'chain'
            ? await moveChain(ways, stored, rules, done)
            : await moveEntry(way, stored, rules, done, removeParts)
        result[outcome]++
      } catch (error) {
        if (!isEntryError(error)) throw error
        reportError(error, (reported) => options.onError?.(reported, stored.key))
        result.unreadable++
      }
      options.onProgress?.({ ...result })
    }
  }
  return result
}

async function moveEntry(
  way: CopyWay,
  stored: StoredHead,
  rules: KeyRules | undefined,
  done: Set<string>,
  removeParts: RemoveParts,
): Promise<keyof RecreateResult> {
  const response = new CachedResponse(way.from, stored)
  const next = nextKey({ ...response.request, text: response.head.text }, rules)
  if (next === undefined) return 'kept'
  // The same text has another key where another version of this library has stored it.
  if (next.text === response.head.text && next.key === primaryKey(stored.key)) return 'kept'
  const isNewer = (there: Entry): boolean => there.storedAt > response.storedAt
  const { rawHeaders, head } = response
  const { texts, echoes } = withoutSecrets(rawHeaders, head.echoes, next)
  const as = { ...next, lines: { rawHeaders: texts, echoes } }
  const place = await copyEntry(way, response, as, isNewer, Date.now())
  if (place !== undefined) done.add(place)
  await way.to.delete(stored.key)
  if (response.head.parts !== undefined) removeParts(way.to, stored.key, response.head.parts)
  return place === undefined ? 'superseded' : 'moved'
}

async function moveChain(
  { responses, redirects }: Ways,
  { key, head, expiresAt }: StoredHead,
  rules: KeyRules | undefined,
  done: Set<string>,
): Promise<keyof RecreateResult> {
  const link = decodeChain({ head, body: new Uint8Array(0) })
  const request = decodeRequest(head)
  const next = nextKey({ ...request, text: link.text }, rules)
  const to = next === undefined ? key : chainKey(next.key)
  const target =
    next !== undefined && link.target === endKey(ownerOfChain(key))
      ? endKey(next.key)
      : await nextTarget(responses.from, link.target, rules)
  if (to === key && target === link.target) return 'kept'
  const { texts: history, echoes } = withoutSecrets(link.history, link.echoes, next)
  const moved = { ...link, text: next?.text ?? link.text, target, history, echoes }
  await redirects.to.write(to, encodeChain(moved, next?.request ?? request, expiresAt))
  done.add(to)
  if (to !== key) await redirects.to.delete(key)
  return to === key ? 'kept' : 'moved'
}

// What is known as a credential only now was not taken out when it was stored.
function withoutSecrets(
  texts: readonly string[],
  echoes: readonly Echo[] | undefined,
  next: RecreatedKey | undefined,
): Pick<TakenOut, 'texts'> & { readonly echoes: readonly Echo[] | undefined } {
  const credentials = next?.credentials ?? []
  const taken =
    echoes === undefined && credentials.length > 0
      ? takeOutEchoes(texts, secretForms({ credentials, ignored: [] }))
      : undefined
  return taken ?? { texts: [...texts], echoes }
}

async function nextTarget(
  responses: BaseStorage,
  target: string,
  rules: KeyRules | undefined,
): Promise<string> {
  const record = await responses.peek(target)
  if (record === undefined) return target
  const { text } = decodeHead(record.head)
  return nextKey({ ...decodeRequest(record.head), text }, rules)?.key ?? target
}

// The end of a chain that is of this chain alone goes by the key of its beginning.
const followed = ' followed'

function nextKey(request: KeptRequest, rules: KeyRules | undefined): RecreatedKey | undefined {
  if (!request.text.endsWith(followed)) return recreateKey(request, rules)
  const text = request.text.slice(0, -followed.length)
  const first = recreateKey({ ...request, text }, rules)
  return first && { ...first, key: endKey(first.key), text: first.text + followed }
}
