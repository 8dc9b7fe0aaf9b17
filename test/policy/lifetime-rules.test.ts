import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  lifetimeOf,
  refusesUrl,
  type ExpireAfter,
  type LifetimeRules,
} from '../../lib/policy/lifetime-rules.ts'
import { urlMatcher } from '../../lib/policy/url-patterns.ts'

const none: LifetimeRules = { call: undefined, urls: [], codes: new Map(), otherwise: undefined }
const request = { method: 'GET', url: 'https://a.example/x' }
const byUrl = (rules: Record<string, ExpireAfter>): LifetimeRules['urls'] =>
  Object.entries(rules).map(([pattern, lifetime]) => ({ matches: urlMatcher(pattern), lifetime }))
const byCode = (rules: Record<number, ExpireAfter>): LifetimeRules['codes'] =>
  new Map(Object.entries(rules).map(([code, lifetime]) => [Number(code), lifetime]))
const nothing = (): undefined => undefined

describe('lifetimeOf', () => {
  const all: LifetimeRules = {
    call: 'call',
    codes: byCode({ 200: 'status', 4: 'hundred', 404: 'missing' }),
    urls: byUrl({ 'a.example/x': 'url', 'a.example': 'second', 'b.example': 'other' }),
    otherwise: 'otherwise',
  }
  const withoutCall = { ...all, call: undefined }
  const withoutCodes = { ...withoutCall, codes: none.codes }
  const cases: [
    name: string,
    rules: LifetimeRules,
    status: number,
    lifetime: string | undefined,
  ][] = [
    ['nobody has said anything', none, 200, undefined],
    ['of the call', all, 200, 'call'],
    ['of the status', withoutCall, 200, 'status'],
    ['of the status before its hundred', withoutCall, 404, 'missing'],
    ['of its hundred', withoutCall, 410, 'hundred'],
    ['of the URL', withoutCall, 500, 'url'],
    ['of the first URL that matches', { ...withoutCodes, urls: all.urls.slice(1) }, 200, 'second'],
    ['of all others', { ...withoutCodes, urls: all.urls.slice(2) }, 200, 'otherwise'],
    ['a call that says nothing', { ...all, call: nothing }, 404, 'missing'],
    [
      'a status that says nothing',
      { ...withoutCall, codes: byCode({ 404: nothing, 4: 'h' }) },
      404,
      'h',
    ],
    [
      'a URL that says nothing',
      { ...none, urls: byUrl({ '*': nothing }), otherwise: 'o' },
      200,
      'o',
    ],
    ['all that say nothing', { ...none, call: nothing, otherwise: nothing }, 200, undefined],
  ]
  for (const [name, rules, status, lifetime] of cases) {
    test(name, () => {
      assert.equal(lifetimeOf(rules, request, { status, headers: {} }).lifetime, lifetime)
    })
  }

  test('whether there is one of the status, whichever counts', () => {
    const ofStatus = (rules: LifetimeRules, status: number): boolean =>
      lifetimeOf(rules, request, { status, headers: {} }).ofStatus
    assert.ok(ofStatus(all, 404))
    assert.ok(ofStatus(all, 499))
    assert.ok(!ofStatus(all, 500))
    const some = {
      ...none,
      codes: byCode({ 4: (_, { status }) => (status === 404 ? 1 : undefined) }),
    }
    assert.ok(ofStatus(some, 404))
    assert.ok(!ofStatus(some, 403), 'a function that says nothing allows nothing')
  })

  test('a function sees request and response, and can spoil neither', () => {
    const headers = { a: '1' }
    const seen: unknown[] = []
    const ask: ExpireAfter = (...args) => {
      seen.push(structuredClone(args))
      Object.assign(args[1].headers, { a: '2' })
      return undefined
    }
    lifetimeOf({ ...none, call: ask, otherwise: ask }, request, { status: 201, headers })
    const told = [request, { status: 201, headers: { a: '1' } }]
    assert.deepEqual(seen, [told, told])
    assert.deepEqual(headers, { a: '1' })
  })

  test('what a function throws is not swallowed', () => {
    const fails = (): never => {
      throw new Error('mistake')
    }
    assert.throws(
      () => lifetimeOf({ ...none, otherwise: fails }, request, { status: 200, headers: {} }),
      {
        message: 'mistake',
      },
    )
  })
})

describe('do-not-cache', () => {
  const list = byUrl({ 'a.example/x': '1h', 'a.example/f': nothing, '*': 'do-not-cache' })
  const cases: [name: string, rules: Partial<LifetimeRules>, refused: boolean, path?: string][] = [
    ['nothing is refused', {}, false],
    ['what is on the list', { urls: list }, false],
    ['what is not on the list', { urls: list }, true, 'y'],
    ['before another lifetime for all', { urls: list, otherwise: '1h' }, true, 'y'],
    ['no status makes it stored', { urls: list, codes: byCode({ 200: '1h' }) }, true, 'y'],
    ['the call does', { urls: list, call: '1h' }, false, 'y'],
    ['of the call', { urls: list, call: 'do-not-cache' }, true],
    ['of all others', { otherwise: 'do-not-cache' }, true],
    ['of all others, but not of this one', { urls: list, otherwise: 'do-not-cache' }, false],
    ['no status makes others stored', { otherwise: 'do-not-cache', codes: byCode({ 2: 1 }) }, true],
  ]
  for (const [name, partly, refused, path = 'x'] of cases) {
    test(name, () => {
      const rules = { ...none, ...partly }
      const url = `https://a.example/${path}`
      assert.equal(refusesUrl(rules, url), refused)
      const { lifetime } = lifetimeOf(rules, { method: 'GET', url }, { status: 200, headers: {} })
      assert.equal(lifetime === 'do-not-cache', refused)
    })
  }

  test('a function has to see the response first; one that says nothing leaves it refused', () => {
    const url = 'https://a.example/y'
    const rules = { ...none, urls: list, codes: byCode({ 200: '1h' }), call: nothing }
    assert.ok(!refusesUrl(rules, url))
    const given = lifetimeOf(rules, { method: 'GET', url }, { status: 200, headers: {} })
    assert.equal(given.lifetime, 'do-not-cache')
  })
})
