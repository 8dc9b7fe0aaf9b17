import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { hideForms, putBackEchoes, takeOutEchoes } from '../../lib/secrets/echoes.ts'
import { secretForms } from '../../lib/secrets/secret-forms.ts'
import { redactedHeaders, requestHeader } from '../../lib/request/read-request.ts'
import { requestOf } from './request-of.ts'

function formsOf(...ignored: string[]): ReturnType<typeof secretForms> {
  return secretForms({ credentials: [], ignored })
}

/** What is stored of a text, and by what the response is selected then. */
function stored(text: string, ...ignored: string[]): [text: string, selects: string[]] {
  const taken = takeOutEchoes([text], formsOf(...ignored))
  return [taken?.texts[0] ?? text, taken?.selects ?? []]
}

/** What another request gets of it. */
function replayed(text: string, ignored: string[], other: string[]): string | undefined {
  const taken = takeOutEchoes([text], formsOf(...ignored))
  return taken && putBackEchoes(taken.texts, taken.echoes, formsOf(...other))[0]
}

describe('as a parameter of its name', () => {
  const cases: [name: string, text: string, ignored: string, left: string][] = [
    ['in a URL', '/end?a=1&v=7&b=2', 'v=7', '/end?a=1&v=&b=2'],
    ['as the first', '/end?v=7', 'v=7', '/end?v='],
    ['in a fragment', '/end#v=7', 'v=7', '/end#v='],
    ['in a cookie that is set', 'v=7; Path=/', 'v=7', 'v=; Path=/'],
    ['whatever the case of the name', '/end?V=7', 'v=7', '/end?V='],
    ['encoded in another way', '/end?v=a%20b', 'v=a+b', '/end?v='],
    ['more than once', '/end?v=7&v=7', 'v=7', '/end?v=&v='],
    ['with what a pattern would take for its own', '/end?v=(.*)', 'v=(.*)', '/end?v='],
    ['not the case of its value', '/end?v=A', 'v=a', '/end?v=A'],
    ['not what begins with it', '/end?v=71&v=7', 'v=7', '/end?v=71&v='],
    ['not under a longer name', '/end?av=7', 'v=7', '/end?av=7'],
    ['not elsewhere', '/7', 'v=7', '/7'],
  ]
  for (const [name, text, ignored, left] of cases) {
    test(name, () => assert.deepEqual(stored(text, ignored), [left, []]))
  }

  test('others get their own', () => {
    const location = '/end?token=first&a=1'
    assert.equal(replayed(location, ['token=first'], ['token=2nd']), '/end?token=2nd&a=1')
    assert.equal(
      replayed(location, ['token=first'], ['x=1', 'token=2nd', 'y: 2']),
      '/end?token=2nd&a=1',
    )
    assert.equal(replayed(location, ['token=first'], []), '/end?token=&a=1')
    assert.equal(replayed('/?t=1&t=2', ['t=1', 't=2'], ['t=3', 't=4']), '/?t=3&t=4')
  })
})

describe('elsewhere', () => {
  const cases: [name: string, text: string, ignored: string, left: string, selects: string[]][] = [
    // Others may say something else here, so they must not get it.
    [
      'a text of letters and digits',
      '/u/D9FAEB3449D3/',
      'session=D9FAEB3449D3',
      '/u//',
      ['=session'],
    ],
    ['a long text', 'id abcdefghijklmnop', 'x=abcdefghijklmnop', 'id ', ['=x']],
    ['a header field', 'id D9FAEB3449D3', 'x-session: D9FAEB3449D3', 'id ', ['x-session']],
    // By chance.
    ['a word', 'text/html', 'lang=text', 'text/html', []],
    ['a longer word', 'newsletter', 'utm=newsletter', 'newsletter', []],
    [
      'a media type',
      'application/vnd.a.v3+json',
      'accept: application/vnd.a.v3+json',
      'application/vnd.a.v3+json',
      [],
    ],
    [
      'a media type in a parameter',
      'application/x-www-form',
      'type=application/x-www-form',
      'application/x-www-form',
      [],
    ],
    ['the name of a program', 'curl/8.5.0', 'user-agent: curl/8.5.0', 'curl/8.5.0', []],
    ['a sentence', 'on 2026-01-01 or so', 'q=on 2026-01-01', 'on 2026-01-01 or so', []],
    // A credential is no chance, and others have their own.
    ['a credential', 'got s3cr', 'password=s3cr', 'got ', []],
    ['a token without its scheme', 'got abcd', 'authorization: Bearer abcd', 'got ', []],
  ]
  for (const [name, text, ignored, left, selects] of cases) {
    test(name, () => assert.deepEqual(stored(text, ignored), [left, selects]))
  }

  test('a credential comes back as everybody’s own', () => {
    const [anna, bert] = ['anna1', 'bert2'].map((who) => [`authorization: Bearer ${who}`])
    assert.equal(replayed('Bearer anna1 (anna1)', anna!, bert!), 'Bearer bert2 (bert2)')
  })

  test('a cookie by its name', () => {
    const anna = ['cookie: theme=dark; session=anna1']
    assert.equal(replayed('hello anna1', anna, ['cookie: session=bert2']), 'hello bert2')
    assert.equal(replayed('hello anna1', anna, ['cookie: a=b; c=d']), 'hello ')
  })

  test('beside credentials of the key', () => {
    const of = (session: string): ReturnType<typeof secretForms> =>
      secretForms({ credentials: ['x-api-key: key-4711'], ignored: [`session=${session}`] })
    const taken = takeOutEchoes(['/?session=s1&k=key-4711'], of('s1'))!
    assert.deepEqual(taken.texts, ['/?session=&k='])
    assert.deepEqual(putBackEchoes(taken.texts, taken.echoes, of('s2')), [
      '/?session=s2&k=key-4711',
    ])
  })
})

describe('properties', () => {
  const name = fc.constantFrom('v', 'w')
  const value = fc.string({
    unit: fc.constantFrom('a', '7', '%', '&', '=', 'é', ' '),
    maxLength: 20,
  })
  const pair = fc.tuple(name, value).map(([n, v]) => `${n}=${encodeURIComponent(v)}`)
  const pairs = fc.array(pair, { maxLength: 3 })

  test('the same request gets the same back', () => {
    fc.assert(
      fc.property(pairs, pairs, fc.array(value, { maxLength: 2 }), (ignored, others, texts) => {
        const line = `/x?${[...ignored, ...others].join('&')} ${texts.join(' ')}`
        const taken = takeOutEchoes([line], formsOf(...ignored))
        if (taken === undefined) return
        assert.deepEqual(putBackEchoes(taken.texts, taken.echoes, formsOf(...ignored)), [line])
      }),
      { numRuns: 2000 },
    )
  })

  test('nothing of what is ignored is left in a URL', () => {
    fc.assert(
      fc.property(pairs, (ignored) => {
        const [left] = stored(`/x?${ignored.join('&')}`, ...ignored)
        assert.match(left, /^\/x\?(?:[vw]=&?)*$/)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('what is stored of the request', () => {
  test('holds no secret under any name', () => {
    const secret = 'D9FAEB3449D3'
    const headers = ['Referer', `http://a/?session=${secret}`, 'X-Copy', secret, 'X-Other', 'a']
    const match = { ignoredParameters: ['session'] }
    const request = requestOf({ path: `/?session=${secret}`, headers, match })
    assert.deepEqual(redactedHeaders(request), [
      'Referer',
      'http://a/?session=REDACTED',
      'X-Copy',
      'REDACTED',
      'X-Other',
      'a',
    ])
  })

  test('nor a credential', () => {
    const headers = { referer: 'http://a/?api_key=aVerySecretKey', 'X-Api-Key': 'aVerySecretKey' }
    assert.deepEqual(redactedHeaders(requestOf({ headers })), [
      'referer',
      'http://a/?api_key=REDACTED',
      'X-Api-Key',
      'REDACTED',
    ])
  })

  test('what is short stays, for it may be there by chance', () => {
    const headers = { accept: 'text/html', cookie: 'a=html' }
    assert.deepEqual(redactedHeaders(requestOf({ headers })), [
      'accept',
      'text/html',
      'cookie',
      'REDACTED',
    ])
  })

  test('but for what is ignored by its name', () => {
    const request = requestOf({ headers: { 'X-A': 'b' }, match: { ignoredParameters: ['x-a'] } })
    assert.deepEqual(redactedHeaders(request), ['X-A', 'REDACTED'])
  })

  test('hideForms without forms leaves all as it is', () => {
    assert.deepEqual(hideForms(['a'], []), ['a'])
  })
})

describe('requestHeader', () => {
  const match = { ignoredParameters: ['session', 'x-a'] }
  const request = requestOf({ path: '/?Session=1&session=2', headers: { 'x-a': 'b' }, match })

  test('finds what is ignored, too', () => {
    assert.equal(requestHeader(request, '=session'), 'Session=1&session=2')
    assert.equal(requestHeader(request, 'x-a'), 'b')
    assert.equal(requestHeader(request, '=other'), undefined)
    assert.equal(requestHeader(request, 'session'), undefined)
  })
})

test('a value of any length, and of any characters, is taken out and hidden', () => {
  for (const value of [randomBytes(100_000).toString('base64url'), '$&$1', '(.*)[', '\\d+$&']) {
    for (const ignored of [`token=${value}`, `authorization: ${value}`, `x=${value}`]) {
      const text = `/end?token=${value}&x=${value}`
      const [left] = stored(text, ignored)
      assert.notEqual(left, text)
      assert.equal(replayed(text, [ignored], [ignored]), text)
      if (value.length >= 8) {
        const [hidden] = hideForms([text], formsOf(ignored))
        assert.match(hidden!, /=REDACTED/)
        if (!ignored.startsWith('x=')) assert.ok(!hidden!.includes(value))
      }
    }
  }
})

test('a name of any length is found', () => {
  const name = 'n'.repeat(200_000)
  assert.deepEqual(stored(`/?${name}=v`, `${name}=v`), [`/?${name}=`, []])
})
