/**
 * What was deleted on purpose while responses were on their way. One that had been asked for before
 * must not be stored after it: whoever has cleared a cache, or has changed what is behind a URL (RFC
 * 9111 §4.4), does not want back what was there before.
 */

/** Why a response that has arrived is not wanted any more. */
export type Removal = 'cleared' | 'invalidated'

/** The removals of one cache in this process, numbered as they came; see the top of the file. */
export class Removals {
  #count = 0
  /** The last time when everything went. */
  #cleared = 0
  #clearings = 0
  readonly #keys = new Map<string, number>()
  /** The last one of which is not known any more what it removed. */
  #forgotten = 0

  /** How many there were, for `since`: taken before the origin is asked. */
  get mark(): number {
    return this.#count
  }

  /** What is stored under a key of requests is removed. */
  remove(key: string): void {
    this.#keys.delete(key)
    this.#keys.set(key, ++this.#count)
    if (this.#keys.size <= maxKeys) return
    const [oldest] = this.#keys
    this.#keys.delete(oldest![0])
    this.#forgotten = oldest![1]
  }

  /** Everything is removed, which takes until the work has ended. */
  async clear(work: () => Promise<void>): Promise<void> {
    this.#clearings++
    this.#cleared = ++this.#count
    try {
      await work()
    } finally {
      this.#clearings--
      this.#cleared = ++this.#count
    }
  }

  /**
   * Why what was asked for at that mark is not to be stored; undefined where it is.
   * @param body one in parts may have lost some while everything is being removed
   */
  since(
    mark: number,
    keys: readonly string[],
    body: 'whole' | 'in parts' = 'whole',
  ): Removal | undefined {
    if (this.#cleared > mark || (body === 'in parts' && this.#clearings > 0)) return 'cleared'
    const removed = keys.some((key) => (this.#keys.get(key) ?? this.#forgotten) > mark)
    return removed ? 'invalidated' : undefined
  }
}

// Nobody asks about more than are removed while a request is on its way.
const maxKeys = 10_000
