/**
 * Reads everything that a cache holds, as a hit would read it, and finds what no hit could use:
 * entries and bodies that are not what was written, bodies without an entry, chains of redirects
 * without an end.
 */
import type { BaseStorage } from '../storage/base-storage.ts'
import { isAbortSignal, isBoolean, isFunction, type Rules } from '../check-options.ts'
import { isEntryError, type CacheError } from '../errors.ts'
import { reportError } from '../events.ts'
import { loopTurn } from '../loop-turn.ts'
import type { EpochMs } from '../units.ts'
import { readParts } from '../entries/body-parts.ts'
import { orphanAge, refersTo } from './maintenance.ts'
import { decodeChain, decodeEntry, decodeRequest, isDecayed } from '../entries/record.ts'
import type { EntryStores } from '../entries/entry-store.ts'
import { sideBySide } from './side-by-side.ts'
import { kindOfRecord, ownerOfPart } from '../entries/record-keys.ts'

/** What is done about what is found, and who hears of it. */
export interface VerifyOptions {
  /**
   * Whether what is broken is deleted, once everything was read. Where nothing at all can be
   * decoded it is rather the serializer or the key that is wrong, and nothing is. Default false.
   */
  readonly repair?: boolean | undefined
  /** Told after each record. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined
  /** Told of each thing that is broken. */
  readonly onProblem?: ((problem: VerifyProblem) => void) | undefined
  /** Ends the work before the next record. */
  readonly signal?: AbortSignal | undefined
}

/** What was read, and what of it is broken. */
export interface VerifyResult {
  /** Responses that are whole. */
  readonly responses: number
  /** Redirects that are whole, chains that were followed below the cache included. */
  readonly redirects: number
  /** Of all these, as they came over the wire. */
  readonly bodyBytes: number
  /** Entries that cannot be read: head, length, checksum or a part of the body is wrong. */
  readonly unreadable: number
  /** Bodies that no entry refers to: of writes that a crash cut short. */
  readonly orphans: number
  /** Chains of redirects whose last response is not stored. */
  readonly endless: number
  /** How many of these three were deleted. */
  readonly removed: number
}

/** How far it has come, in records. */
export interface VerifyProgress {
  readonly done: number
  readonly total: number
}

/** Something that is broken. */
export interface VerifyProblem {
  readonly kind: 'unreadable' | 'orphan' | 'endless'
  readonly storage: 'responses' | 'redirects'
  /** Of the entry; of an orphan that of the entry that it was to belong to. */
  readonly key: string
  /** What is wrong with it. */
  readonly message: string
}

/** Checks of `VerifyOptions`. */
export const verifyRules: Rules<VerifyOptions> = {
  repair: isBoolean,
  onProgress: isFunction,
  onProblem: isFunction,
  signal: isAbortSignal,
}

// Enough to keep a server busy, few enough to hold their bodies in memory.
const atOnce = 16

/** @throws what a storage throws, and the signal's reason */
export async function verifyAll(
  entryStores: EntryStores,
  options: VerifyOptions,
  now: EpochMs,
): Promise<VerifyResult> {
  return new Verification(entryStores, options, now).run()
}

type Name = VerifyProblem['storage']
const names: readonly Name[] = ['responses', 'redirects']

interface Broken {
  readonly name: Name
  readonly key: string
  /** Of the body, where it is the body that is broken or left over. */
  readonly parts: string[]
  /** Of an entry that cannot be decoded, which another serializer or key might do. */
  readonly undecoded: boolean
}

class Verification {
  readonly #entryStores: EntryStores
  readonly #options: VerifyOptions
  readonly #now: EpochMs
  readonly #counts = { responses: 0, redirects: 0, bodyBytes: 0 }
  readonly #broken: Record<VerifyProblem['kind'], Broken[]> = {
    unreadable: [],
    orphan: [],
    endless: [],
  }
  readonly #unreadable = new Set<string>()
  #done = 0
  #total = 0

  constructor(entryStores: EntryStores, options: VerifyOptions, now: EpochMs) {
    this.#entryStores = entryStores
    this.#options = options
    this.#now = now
  }

  async run(): Promise<VerifyResult> {
    if (this.#options.onProgress !== undefined) {
      for (const name of names) this.#total += await this.#entryStores[name].storage.size()
    }
    for (const name of names) await this.#verifyEntries(name)
    const { unreadable, orphan, endless } = this.#broken
    return {
      ...this.#counts,
      unreadable: unreadable.length,
      orphans: orphan.length,
      endless: endless.length,
      removed: this.#options.repair === true ? await this.#repair() : 0,
    }
  }

  async #verifyEntries(name: Name): Promise<void> {
    const { storage } = this.#entryStores[name]
    // The parts of each, by the key of its entry and the id of its write.
    const bodies = new Map<string, string[]>()
    await sideBySide(
      storage.keys(),
      atOnce,
      (key) => key,
      async (key) => {
        this.#options.signal?.throwIfAborted()
        // Storages that answer at once would hold up the loop, and whoever wants to end this.
        const pause = loopTurn.pause()
        if (pause !== undefined) await pause
        if (kindOfRecord(key) === 'part') {
          const { entryKey, id } = ownerOfPart(key)
          const body = `${entryKey} ${id}`
          const parts = bodies.get(body)
          if (parts === undefined) bodies.set(body, [key])
          else parts.push(key)
        } else {
          await this.#verifyEntry(name, key)
        }
        this.#done++
        // What is stored meanwhile is read, too.
        const total = Math.max(this.#total, this.#done)
        this.#options.onProgress?.({ done: this.#done, total })
      },
    )
    await this.#verifyBodies(name, bodies)
  }

  async #verifyEntry(name: Name, key: string): Promise<void> {
    const { storage } = this.#entryStores[name]
    try {
      // What was replaced while it was being read is read once more.
      const bytes = (await whole(storage, key)) ?? (await readWhole(storage, key))
      if (bytes === undefined) return
      if (kindOfRecord(key) === 'chain' && (await this.#isEndless(key))) {
        const message = 'the last response of its redirects is not stored'
        return this.#found('endless', message, { name, key, parts: [], undecoded: false })
      }
      this.#counts[name]++
      this.#counts.bodyBytes += bytes
    } catch (error) {
      if (!isEntryError(error)) throw error
      reportError(error, () => {})
      const broken = { name, key, parts: [], undecoded: isUndecoded(error) }
      this.#found('unreadable', error.message, broken)
    }
  }

  async #isEndless(key: string): Promise<boolean> {
    const { responses, redirects } = this.#entryStores
    const record = await redirects.storage.get(key)
    if (record === undefined) return false
    const { target } = decodeChain(record)
    return this.#unreadable.has(`responses ${target}`) || !(await responses.storage.has(target))
  }

  async #verifyBodies(name: Name, bodies: ReadonlyMap<string, string[]>): Promise<void> {
    const unreadable = new Map(
      this.#broken.unreadable.filter((each) => each.name === name).map((each) => [each.key, each]),
    )
    for (const parts of bodies.values()) {
      this.#options.signal?.throwIfAborted()
      const { entryKey: key, id, writtenAt } = ownerOfPart(parts[0]!)
      const owner = unreadable.get(key)
      if (owner !== undefined) {
        owner.parts.push(...parts)
        continue
      }
      // Younger ones may belong to a response that is still arriving.
      if (!(writtenAt < this.#now - orphanAge)) continue
      if (await refersTo(this.#entryStores[name].storage, key, id)) continue
      const message = `a body in parts (${parts.length}) that no entry refers to`
      this.#found('orphan', message, { name, key, parts, undecoded: false })
    }
  }

  #found(kind: VerifyProblem['kind'], message: string, broken: Broken): void {
    this.#broken[kind].push(broken)
    if (kind === 'unreadable') this.#unreadable.add(`${broken.name} ${broken.key}`)
    this.#options.onProblem?.({ kind, storage: broken.name, key: broken.key, message })
  }

  async #repair(): Promise<number> {
    const { unreadable, orphan, endless } = this.#broken
    const nothingRead = this.#counts.responses + this.#counts.redirects === 0
    if (nothingRead && unreadable.length > 0 && unreadable.every((each) => each.undecoded)) return 0
    let removed = 0
    for (const { name, key, parts } of [...unreadable, ...endless]) {
      this.#options.signal?.throwIfAborted()
      // It may have been stored anew by now.
      if ((await whole(this.#entryStores[name].storage, key)) !== undefined) {
        if (kindOfRecord(key) !== 'chain' || !(await this.#isEndless(key))) continue
      }
      if (await this.#entryStores[name].delete(key)) removed++
      await this.#entryStores[name].storage.deleteMany(parts)
    }
    for (const { name, parts } of orphan) {
      this.#options.signal?.throwIfAborted()
      if ((await this.#entryStores[name].storage.deleteMany(parts)) > 0) removed++
    }
    return removed
  }
}

/** As `readWhole`; undefined also where it cannot be read. */
async function whole(storage: BaseStorage, key: string): Promise<number | undefined> {
  try {
    return await readWhole(storage, key)
  } catch (error) {
    if (isEntryError(error)) return undefined
    throw error
  }
}

/**
 * Reads all of an entry, as a hit would, and its request.
 * @returns the length of its body; undefined where there is no entry (any more)
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT, …
 */
async function readWhole(storage: BaseStorage, key: string): Promise<number | undefined> {
  const record = await storage.get(key)
  if (record === undefined) return undefined
  if (kindOfRecord(key) === 'chain') {
    decodeChain(record)
    return 0
  }
  const entry = decodeEntry(record)
  decodeRequest(record.head)
  if (entry.parts !== undefined) {
    // Reading checks each of them.
    const parts = readParts(storage, key, entry)
    while ((await parts.next()).done !== true);
  }
  return entry.bodyBytes
}

/** Whether it may be whole, and was written with another serializer, secret or key. */
function isUndecoded(error: CacheError): boolean {
  return !isDecayed(error)
}
