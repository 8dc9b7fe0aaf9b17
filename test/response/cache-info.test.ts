import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { cacheStatus, getCacheInfo, type CacheInfo } from '../../lib/response/cache-info.ts'

const now = 1_700_000_000_000
const key = 'abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE'
const hit: CacheInfo = {
  hit: true,
  key,
  stored: true,
  storedAt: now - 5_000,
  expiresAt: now + 5_000,
  stale: false,
  revalidated: false,
  reason: 'fresh',
}
const miss: CacheInfo = { ...hit, hit: false, storedAt: now, reason: 'uri-miss' }
const unstored: CacheInfo = { ...miss, stored: false, storedAt: undefined, expiresAt: undefined }
const endless = { expiresAt: undefined }

type Case = [name: string, info: CacheInfo, forwarded: string | undefined, status: string]

const instants = `undici-cache.stored-at=${now}; undici-cache.expires-at=${now + 5_000}`
const earlier = `undici-cache.stored-at=${now - 5_000}`

const cases: Case[] = [
  [
    'a hit',
    hit,
    undefined,
    `undici-cache; hit; ttl=5; key="${key}"; ${earlier}; undici-cache.expires-at=${now + 5_000}`,
  ],
  [
    'a hit without end',
    { ...hit, ...endless },
    undefined,
    `undici-cache; hit; key="${key}"; ${earlier}`,
  ],
  [
    'a hit that has expired',
    { ...hit, expiresAt: now - 1, stale: true },
    undefined,
    `undici-cache; hit; ttl=-1; key="${key}"; ${earlier}; undici-cache.expires-at=${now - 1}`,
  ],
  [
    'a hit at the very instant of its expiry',
    { ...hit, expiresAt: now, stale: true, reason: 'max-stale' },
    undefined,
    `undici-cache; hit; ttl=-1; key="${key}"; ${earlier}; undici-cache.expires-at=${now}; detail=max-stale`,
  ],
  [
    'a stale hit for want of an origin',
    { ...hit, expiresAt: now - 9_000, stale: true, reason: 'stale-if-error' },
    undefined,
    `undici-cache; hit; ttl=-9; key="${key}"; ${earlier}; undici-cache.expires-at=${now - 9_000}; detail=stale-if-error`,
  ],
  [
    'a confirmed one that had expired on its way',
    { ...hit, expiresAt: now - 1, revalidated: true, reason: 'stale' },
    'stale',
    `undici-cache; fwd=stale; fwd-status=304; ttl=-1; stored; key="${key}"; ${earlier}; undici-cache.expires-at=${now - 1}`,
  ],
  [
    'a miss that is stored',
    miss,
    'uri-miss',
    `undici-cache; fwd=uri-miss; ttl=5; stored; key="${key}"; ${instants}`,
  ],
  [
    'a miss of a variant',
    { ...miss, reason: 'vary-miss' },
    'vary-miss',
    `undici-cache; fwd=vary-miss; ttl=5; stored; key="${key}"; ${instants}`,
  ],
  [
    'one that had expired',
    { ...miss, reason: 'stale' },
    'stale',
    `undici-cache; fwd=stale; ttl=5; stored; key="${key}"; ${instants}`,
  ],
  [
    'one that was asked for',
    { ...miss, reason: 'request' },
    'request',
    `undici-cache; fwd=request; ttl=5; stored; key="${key}"; ${instants}`,
  ],
  [
    'one that is not stored',
    { ...unstored, reason: 'status' },
    'uri-miss',
    `undici-cache; fwd=uri-miss; key="${key}"; detail=status`,
  ],
  [
    'one that had expired and is not stored',
    { ...unstored, reason: 'response-no-store' },
    'stale',
    `undici-cache; fwd=stale; key="${key}"; detail=response-no-store`,
  ],
  [
    'a refusal',
    { ...unstored, reason: 'only-if-cached' },
    'uri-miss',
    `undici-cache; fwd=uri-miss; key="${key}"; detail=only-if-cached`,
  ],
  [
    'a confirmed one that had expired',
    { ...hit, revalidated: true, reason: 'stale' },
    'stale',
    `undici-cache; fwd=stale; fwd-status=304; ttl=5; stored; key="${key}"; ${earlier}; undici-cache.expires-at=${now + 5_000}`,
  ],
  [
    'a confirmed one that was asked about',
    { ...hit, ...endless, revalidated: true, reason: 'request' },
    'request',
    `undici-cache; fwd=request; fwd-status=304; stored; key="${key}"; ${earlier}`,
  ],
  [
    'a method that is not cached',
    { ...unstored, key: undefined, reason: 'method' },
    'method',
    'undici-cache; fwd=method',
  ],
  [
    'a range',
    { ...unstored, key: undefined, reason: 'range' },
    'range',
    'undici-cache; fwd=bypass; detail=range',
  ],
  [
    'a condition',
    { ...unstored, key: undefined, reason: 'conditional' },
    'conditional',
    'undici-cache; fwd=bypass; detail=conditional',
  ],
]

describe('Cache-Status (RFC 9211 §2)', () => {
  for (const [name, info, forwarded, status] of cases) {
    test(name, () => assert.equal(cacheStatus(info, forwarded, now), status))
  }
})

describe('getCacheInfo reads what was written', () => {
  for (const [name, info, , status] of cases) {
    test(name, () => {
      const sources = [
        { headers: new Headers({ 'cache-status': status }) },
        { headers: { 'cache-status': status } },
        { headers: { 'cache-status': [status] } },
        // undici's own context says it without the header.
        { headers: {}, context: { cache: info } },
      ]
      for (const source of sources) assert.deepEqual(getCacheInfo(source), info)
    })
  }

  const foreign = [
    'Origin; hit',
    'a; fwd=uri-miss, b; hit; ttl=5; detail="x, undici-cache; fwd=bypass"',
    '"undici-cache; hit"',
    'undici-cache; fwd=method',
    'not-undici-cache; hit',
    'undici-cache-2; hit',
  ]
  for (const member of foreign) {
    test(`after ${member}`, () => {
      const status = cacheStatus(hit, undefined, now)
      assert.deepEqual(getCacheInfo({ headers: { 'cache-status': `${member}, ${status}` } }), hit)
      assert.deepEqual(getCacheInfo({ headers: { 'cache-status': [member, status] } }), hit)
    })
  }

  test('any instant', () => {
    fc.assert(
      fc.property(fc.nat(), fc.option(fc.nat(), { nil: undefined }), (storedAt, expiresAt) => {
        const info = {
          ...hit,
          storedAt,
          expiresAt,
          stale: expiresAt !== undefined && expiresAt < 5,
        }
        const headers = { 'cache-status': cacheStatus(info, undefined, 5) }
        assert.deepEqual(getCacheInfo({ headers }), info)
      }),
    )
  })
})

describe('getCacheInfo finds nothing', () => {
  const sources: [name: string, source: Parameters<typeof getCacheInfo>[0]][] = [
    ['without header fields', {}],
    ['in empty ones', { headers: {} }],
    ['in Headers without it', { headers: new Headers() }],
    ['in a context without it', { headers: {}, context: { history: [] } }],
    ['in no context', { headers: {}, context: null }],
    ['of another cache', { headers: { 'cache-status': 'Other; hit' } }],
    ['of a cache with a longer name', { headers: { 'cache-status': 'my-undici-cache; hit' } }],
    ['in an empty text', { headers: { 'cache-status': '' } }],
  ]
  for (const [name, source] of sources) {
    test(name, () => assert.equal(getCacheInfo(source), undefined))
  }
})

describe('the origin’s own Cache-Status', () => {
  test('never makes it throw', () => {
    const piece = fc.constantFrom('undici-cache', ';', ' ', 'hit', '=', '"', ',', 'ttl', '5', 'key')
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        getCacheInfo({ headers: { 'cache-status': pieces.join('') } })
      }),
    )
  })

  // Its members stand before ours, so it must not be able to hang a program.
  for (const unit of [';a=b ', ';a= ', ' ;a', '; a="', ', undici-cache', ';a=b;', ' ', ', ']) {
    test(`takes linear time: ${JSON.stringify(unit)}`, () => {
      const value = `undici-cache${unit.repeat(4_000)}, undici-cache; hit`
      const before = performance.now()
      getCacheInfo({ headers: { 'cache-status': value } })
      assert.ok(performance.now() - before < 1_000)
    })
  }

  test('the info is the caller’s own copy', () => {
    const info = { ...hit }
    const read = getCacheInfo({ context: { cache: info } })!
    read.hit = false
    assert.ok(info.hit)
  })
})
