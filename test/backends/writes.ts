/** Records of which each byte tells what write it is of, so that a mix of two writes shows. */
import assert from 'node:assert/strict'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'

export function writeOf(id: number, bytes = 1_000): StoredRecord {
  return { head: String(id), body: new Uint8Array(bytes + (id % 100)).fill(id % 256) }
}

/** Fails where it is not one write, whole. */
export function wholeOf(record: StoredRecord | undefined): void {
  if (record === undefined) return
  const id = Number(record.head)
  assert.equal(record.body.byteLength % 1_000, id % 100)
  assert.ok(record.body.every((byte) => byte === id % 256))
}
