/** Removing what is of no use any more, in slices, so that neither loop nor storage is held up. */
import type { BaseStorage } from '../storage/base-storage.ts'
import { isEntryError } from '../errors.ts'
import { paced } from '../loop-turn.ts'
import { nextTurn } from '../timers.ts'
import type { EpochMs, Ms } from '../units.ts'
import { decodeHead } from '../entries/record.ts'
import { kindOfRecord, ownerOfPart } from '../entries/record-keys.ts'

const sliceRecords = 100

/** Parts that are younger may belong to a response that is still arriving. */
export const orphanAge: Ms = 3_600_000

/** The keys of what is being read in a storage, and stays. */
export type KeysInUse = (storage: BaseStorage) => ReadonlySet<string>

const noneInUse: KeysInUse = () => new Set()

/** Deletes all records whose time is over. @returns how many */
export async function deleteExpired(
  storage: BaseStorage,
  now: EpochMs,
  inUse: KeysInUse = noneInUse,
): Promise<number> {
  let total = 0
  for (;;) {
    const deleted = await storage.deleteExpired(now, sliceRecords, inUse(storage))
    total += deleted
    if (deleted < sliceRecords) return total
    await nextTurn()
  }
}

/** Deletes parts that no entry refers to: of writes that a crash cut short. @returns how many */
export async function deleteOrphans(
  storage: BaseStorage,
  now: EpochMs,
  inUse: KeysInUse = noneInUse,
): Promise<number> {
  const writes = new Map<string, string[]>()
  for await (const key of paced(storage.keys())) {
    if (kindOfRecord(key) !== 'part') continue
    const { entryKey, id, writtenAt } = ownerOfPart(key)
    if (!(writtenAt < now - orphanAge)) continue
    const write = `${entryKey} ${id}`
    const keys = writes.get(write)
    if (keys === undefined) writes.set(write, [key])
    else keys.push(key)
  }
  let deleted = 0
  for (const [write, keys] of writes) {
    const [entryKey, id] = write.split(' ') as [string, string]
    if (inUse(storage).has(keys[0]!) || (await refersTo(storage, entryKey, id))) continue
    deleted += await storage.deleteMany(keys)
    await nextTurn()
  }
  return deleted
}

/** Whether the entry that is stored under the key has this body. */
export async function refersTo(
  storage: BaseStorage,
  entryKey: string,
  id: string,
): Promise<boolean> {
  try {
    const record = await storage.peek(entryKey)
    return record !== undefined && decodeHead(record.head).parts?.id === id
  } catch (error) {
    // An entry that cannot be read refers to nothing; what else fails says nothing about the parts.
    if (isEntryError(error)) return false
    throw error
  }
}

const tendEvery: Ms = 60_000
const sweepEvery: Ms = 3_600_000

/** Removes what is of no use any more now and then, on the way of requests and a little at a time. */
export class Maintenance {
  #tendedAt: EpochMs = 0
  #sweptAt: EpochMs | undefined

  /** @returns undefined where it is not time yet */
  due(storages: readonly BaseStorage[], now: EpochMs, inUse: KeysInUse): Promise<void> | undefined {
    if (now - this.#tendedAt < tendEvery) return undefined
    this.#tendedAt = now
    const sweeps = this.#sweptAt === undefined || now - this.#sweptAt >= sweepEvery
    if (sweeps) this.#sweptAt = now
    return tend(storages, now, sweeps ? 'expired and orphans' : 'expired', inUse)
  }
}

async function tend(
  storages: readonly BaseStorage[],
  now: EpochMs,
  what: 'expired' | 'expired and orphans',
  inUse: KeysInUse,
): Promise<void> {
  for (const storage of storages) {
    const { expires, persistent } = storage.traits
    // Where the storage expires by itself parts go with what they are of; a sweep would go through a
    // whole server.
    if (expires) continue
    await deleteExpired(storage, now, inUse)
    if (what !== 'expired' && persistent) await deleteOrphans(storage, now, inUse)
  }
}
