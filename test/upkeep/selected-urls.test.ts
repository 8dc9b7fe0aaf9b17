/** `urls` of a selection: the same URL to the cache, however it is written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { CachedResponse } from '../../lib/entries/cached-response.ts'
import { encodeEntry, wholeBody } from '../../lib/entries/record.ts'
import { selector } from '../../lib/upkeep/selection.ts'
import { readKeyRules } from '../../lib/request/key-rules.ts'

function responseOf(url: string): CachedResponse {
  const head = {
    text: '',
    status: 200,
    statusText: 'OK',
    rawHeaders: [],
    rawTrailers: [],
    storedAt: 0,
    expiresAt: undefined,
  }
  const request = { method: 'GET', url, headers: [] }
  const record = encodeEntry(head, wholeBody(Buffer.alloc(0)), request, undefined)
  return new CachedResponse(new MemoryStorage(), { key: 'key', head: record.head })
}

const rules = readKeyRules({ ignoredParameters: ['token'] })
const site = 'https://example.com'

test('what the cache ignores does not matter, on either side', () => {
  const stored = responseOf(`${site}/?token=REDACTED&a=1`)
  for (const url of [`${site}/?a=1`, `${site}/?a=1&token=another`]) {
    assert.equal(selector({ urls: [url] }, 0, rules)(stored), true, url)
    assert.equal(selector({ urls: [url] }, 0)(stored), false, `${url}, without rules`)
  }
  assert.equal(selector({ urls: [`${site}/?a=2&token=REDACTED`] }, 0, rules)(stored), false)
})

test('what is stored and is no URL is another one than any', () => {
  assert.equal(selector({ urls: [`${site}/`] }, 0, rules)(responseOf('no URL')), false)
})
