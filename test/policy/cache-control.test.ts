import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { deltaSeconds, parseCacheControl } from '../../lib/policy/cache-control.ts'

describe('parseCacheControl (RFC 9111 §5.2)', () => {
  const cases: [field: string | undefined, directives: Record<string, string>][] = [
    [undefined, {}],
    ['', {}],
    [' , ,', {}],
    ['no-store', { 'no-store': '' }],
    ['NO-Store', { 'no-store': '' }],
    ['max-age=60', { 'max-age': '60' }],
    [' max-age = 60 , no-cache ', { 'max-age': '60', 'no-cache': '' }],
    ['max-age="60"', { 'max-age': '60' }],
    ['no-store,no-cache', { 'no-store': '', 'no-cache': '' }],
    [',,no-store,,', { 'no-store': '' }],
    ['private="a, no-store", no-cache', { private: 'a, no-store', 'no-cache': '' }],
    [String.raw`x="a\", no-store", y`, { x: String.raw`a\", no-store`, y: '' }],
    // The first counts, §4.2.1.
    ['max-age=1, max-age=2', { 'max-age': '1' }],
    ['Max-Age=1, max-age=2', { 'max-age': '1' }],
    ['max-age=, no-store', { 'max-age': '', 'no-store': '' }],
    // What is broken is skipped up to the next comma, and hides nothing that forbids storing.
    ['=, no-store', { 'no-store': '' }],
    ['"quoted", no-store', { 'no-store': '' }],
    ['x="open, no-store', { x: '', 'no-store': '' }],
    ['max-age=1 2, no-store', { 'max-age': '1', 'no-store': '' }],
    ['x="a"b, no-store', { x: 'a', 'no-store': '' }],
    ['no-store;x=1', { 'no-store': '' }],
    [';, no-store', { 'no-store': '' }],
    ['a\tb, no-store', { a: '', 'no-store': '' }],
    // A no-break space, as it is and as UTF-8, before and behind.
    ['no-store\u00A0', { 'no-store': '' }],
    ['no-store\u00C2\u00A0', { 'no-store': '' }],
    ['\u00C2\u00A0no-store', { 'no-store': '' }],
    ['max-age=60\u00C2\u00A0, no-cache', { 'max-age': '60', 'no-cache': '' }],
    ['max-age\u00C2\u00A0=\u00C2\u00A060', { 'max-age': '60' }],
    ['__proto__=1, no-store', { ['__proto__']: '1', 'no-store': '' }],
  ]
  for (const [field, directives] of cases) {
    test(JSON.stringify(field) ?? 'absent', () => {
      assert.deepEqual([...parseCacheControl(field)], Object.entries(directives))
    })
  }

  test('never throws', () => {
    const unit = fc.constantFrom('a', '=', '"', ',', ';', ' ', '\\', '1', '\t', 'é')
    fc.assert(fc.property(fc.string({ unit }), (field) => void parseCacheControl(field)))
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (field) => void parseCacheControl(field)))
  })

  test('what was printed is read again', () => {
    const name = fc.stringMatching(/^[a-z][a-z-]*$/)
    fc.assert(
      fc.property(fc.uniqueArray(name), fc.stringMatching(/^[\w ,;=]*$/), (names, value) => {
        const printed = names.map((each, index) => (index % 2 === 0 ? each : `${each}="${value}"`))
        const expected = names.map((each, index) => [each, index % 2 === 0 ? '' : value])
        assert.deepEqual([...parseCacheControl(printed.join(', '))], expected)
      }),
    )
  })

  // Twice as much may take twice as long, not four times.
  describe('takes linear time', () => {
    const hostile = [
      'a="',
      'a="\\',
      ' ',
      'a ',
      'a= ',
      '"',
      '=',
      'a="x,',
      '\\"',
      'a;',
      'a=b ',
      '",a="',
    ]
    for (const unit of hostile) {
      test(JSON.stringify(unit), () => {
        const field = unit.repeat(200_000)
        const before = performance.now()
        parseCacheControl(field)
        // Quadratic time would be minutes.
        assert.ok(performance.now() - before < 2_000)
      })
    }
  })
})

describe('deltaSeconds (RFC 9111 §1.2.2)', () => {
  const cases: [field: string, seconds: number | undefined][] = [
    ['max-age=0', 0],
    ['max-age=60', 60],
    ['max-age="60"', 60],
    ['max-age=007', 7],
    ['max-age=2147483648', 2 ** 31],
    // What is longer than anybody can mean, and must not become infinite.
    ['max-age=99999999999', 2 ** 31],
    [`max-age=${'9'.repeat(400)}`, 2 ** 31],
    ['max-age', undefined],
    ['max-age=', undefined],
    ['max-age=-1', undefined],
    ['max-age=1.5', undefined],
    ['max-age=1s', undefined],
    ['max-age=0x1', undefined],
    ['max-age=1e3', undefined],
    ['s-maxage=1', undefined],
  ]
  for (const [field, seconds] of cases) {
    test(field.slice(0, 40), () =>
      assert.equal(deltaSeconds(parseCacheControl(field), 'max-age'), seconds),
    )
  }
})
