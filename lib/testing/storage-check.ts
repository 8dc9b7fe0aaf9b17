/** How a sentence of the storage contract becomes a test: it gets storages, and they are cleaned up. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { BaseStorage, StoredRecord } from '../storage/base-storage.ts'
import type { MaybePromise } from '../maybe-promise.ts'

/** How the suite comes by storages. */
export interface StorageSource {
  /** An empty storage over a namespace of its own, at each call another. */
  readonly open: () => MaybePromise<BaseStorage>
  /** A second storage over the namespace of one that `open` gave. */
  readonly reopen?: ((storage: BaseStorage) => MaybePromise<BaseStorage>) | undefined
  /** How many records are more than any page of the storage. */
  readonly records: number
}

/** What a test gets besides its storage. */
export interface StorageBench {
  /** More keys than the storage lists in one page. */
  readonly manyKeys: readonly string[]
  /** One more storage, over another namespace. */
  open(): Promise<BaseStorage>
  /** One more storage over the same namespace. */
  reopen(storage: BaseStorage): Promise<BaseStorage>
}

/** Registers one sentence of the contract. */
export type Check = (
  sentence: string,
  run: (storage: BaseStorage, bench: StorageBench) => Promise<void>,
) => void

/** Registers tests that hold for each storage. */
export function checkWith(source: StorageSource): Check {
  return (sentence, run) => {
    test(sentence, async (t) => {
      const bench = benchOf(source, t)
      await run(await bench.open(), bench)
    })
  }
}

/** Registers tests that hold where a namespace outlives, and is shared by, its storages. */
export function checkSharedWith(source: StorageSource): Check {
  return (sentence, run) => {
    test(sentence, async (t) => {
      const bench = benchOf(source, t)
      const storage = await bench.open()
      if (!storage.traits.persistent) return t.skip('not persistent')
      if (source.reopen === undefined) return t.skip('the suite was given no `reopen`')
      return run(storage, bench)
    })
  }
}

function benchOf(source: StorageSource, t: TestContext): StorageBench {
  const track = async (opening: MaybePromise<BaseStorage>): Promise<BaseStorage> => {
    const storage = await opening
    t.after(async () => {
      // Some tests have closed theirs; what they left is cleared through the one they reopened.
      await attempt(() => storage.clear())
      await storage.close()
    })
    return storage
  }
  return {
    manyKeys: Array.from({ length: source.records }, (_, i) => `key${i}`),
    open: () => track(source.open()),
    reopen: (storage) => {
      assert.ok(source.reopen)
      return track(source.reopen(storage))
    },
  }
}

/** What the call throws or rejects with; undefined where it succeeds. */
export async function attempt(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return undefined
  } catch (error) {
    return error
  }
}

/** A record whose body is these bytes. */
export function recordOf(head: string, ...bytes: number[]): StoredRecord {
  return { head, body: Uint8Array.from(bytes) }
}

/** A record whose head tells what its whole body must be, so that a mix of two shows. */
export function labelled(label: number): StoredRecord {
  return { head: `write ${label}`, body: new Uint8Array(100 + label).fill(label % 256) }
}

/** Fails where head and body are not those of one `labelled` record. */
export function assertWhole(record: StoredRecord | undefined): void {
  if (record === undefined) return
  assertRecord(record, labelled(Number(record.head.replace('write ', ''))))
}

/** Fails where head, body or expiry differ. */
export function assertRecord(actual: StoredRecord | undefined, expected: StoredRecord): void {
  assert.ok(actual !== undefined, 'there is no record')
  assert.equal(actual.head, expected.head, 'the head differs')
  assert.equal(actual.expiresAt, expected.expiresAt, 'the expiry differs')
  assert.ok(actual.body instanceof Uint8Array, 'the body is no Uint8Array')
  assert.equal(actual.body.byteLength, expected.body.byteLength, 'the length of the body differs')
  assert.ok(Buffer.compare(actual.body, expected.body) === 0, 'the bytes of the body differ')
}

/** Every key, sorted. */
export async function keysOf(storage: BaseStorage): Promise<string[]> {
  return (await Array.fromAsync(storage.keys())).toSorted()
}

/** Stores records under these keys, all at once. */
export async function fill(storage: BaseStorage, keys: readonly string[]): Promise<void> {
  await Promise.all(
    keys.map(async (key, i) => storage.set(key, recordOf(`head of ${key}`, i % 256))),
  )
}

/** Far enough from now for no test to reach it, and longer than a timer of Node can wait. */
export function inAMonth(): number {
  return Date.now() + 30 * 86_400_000
}
