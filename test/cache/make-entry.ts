import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import type { EntryHead, StoredRequest } from '../../lib/entries/entry.ts'
import { encodeEntry, wholeBody } from '../../lib/entries/record.ts'

export const storedRequest: StoredRequest = { method: 'GET', url: 'http://a/', headers: [] }

/** The head of a stored `200 OK`, except for what is given. */
export function makeHead(given: Partial<EntryHead> = {}): EntryHead {
  return {
    text: 'GET http://a/',
    status: 200,
    statusText: 'OK',
    rawHeaders: ['Content-Type', 'text/plain'],
    rawTrailers: [],
    storedAt: 1_000,
    expiresAt: undefined,
    ...given,
  }
}

/** Its record. */
export function makeRecord(given: Partial<EntryHead> = {}, body = 'body'): StoredRecord {
  return encodeEntry(makeHead(given), wholeBody(Buffer.from(body)), storedRequest, undefined)
}
