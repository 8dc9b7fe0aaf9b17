/**
 * Which long bodies are being read in this process. Their parts stay until the last reader has ended,
 * whatever becomes of the entry meanwhile: a download does not break because somebody clears the cache.
 */
import type { BaseStorage } from '../storage/base-storage.ts'
import type { BodyParts } from './entry.ts'
import { partKeys } from './record-keys.ts'

/** A body that somebody reads. */
interface BodyInUse {
  readonly key: string
  readonly parts: BodyParts
  readers: number
  /** What deletes its parts, where that waits for the last reader. */
  remove: (() => void) | undefined
}

/** One reader of a body. */
export interface PartsReader {
  /** The reader needs the body no more. Later calls do nothing. */
  release(): void
}

const none: ReadonlySet<string> = new Set()

/** The long bodies that are being read; see the top of the file. */
export class PartsInUse {
  readonly #bodies = new Map<BaseStorage, Map<string, BodyInUse>>()

  /** Somebody begins to read a body. */
  read(storage: BaseStorage, key: string, parts: BodyParts): PartsReader {
    let bodies = this.#bodies.get(storage)
    if (bodies === undefined) this.#bodies.set(storage, (bodies = new Map()))
    const name = nameOf(key, parts)
    const body = bodies.get(name) ?? { key, parts, readers: 0, remove: undefined }
    bodies.set(name, body)
    body.readers++
    let reads = true
    return {
      release: () => {
        if (!reads) return
        reads = false
        if (--body.readers > 0) return
        bodies.delete(name)
        body.remove?.()
      },
    }
  }

  /** Calls `remove` when nobody reads the body: at once, where nobody does now. */
  whenFree(storage: BaseStorage, key: string, parts: BodyParts, remove: () => void): void {
    const body = this.#bodies.get(storage)?.get(nameOf(key, parts))
    if (body === undefined) remove()
    else body.remove = remove
  }

  /** The keys of all parts that somebody reads. */
  keysIn(storage: BaseStorage): ReadonlySet<string> {
    const bodies = this.#bodies.get(storage)
    if (bodies === undefined || bodies.size === 0) return none
    const keys = new Set<string>()
    for (const { key, parts } of bodies.values()) {
      for (const part of partKeys(key, parts)) keys.add(part)
    }
    return keys
  }

  /** The bodies that somebody reads. */
  in(storage: BaseStorage): { readonly key: string; readonly parts: BodyParts }[] {
    return [...(this.#bodies.get(storage)?.values() ?? [])]
  }

  /** Deletes what waits for its readers: the storage is about to be closed. */
  removeNow(): void {
    for (const bodies of this.#bodies.values()) {
      for (const body of bodies.values()) {
        body.remove?.()
        body.remove = undefined
      }
    }
  }
}

function nameOf(key: string, { id }: BodyParts): string {
  return `${key} ${id}`
}
