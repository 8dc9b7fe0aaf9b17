import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { putBackEchoes, takeOutEchoes } from '../../lib/secrets/echoes.ts'
import { credentialForms, secretForms, type Form } from '../../lib/secrets/secret-forms.ts'

/** Forms that may stand anywhere. */
function anywhere(texts: readonly string[]): Form[] {
  return texts.map((text, id) => ({ id, text }))
}

describe('credentialForms', () => {
  const cases: [name: string, credential: string, forms: string[]][] = [
    [
      'a token with and without its scheme',
      'authorization: Bearer abcdef',
      ['Bearer abcdef', 'abcdef'],
    ],
    ['a token alone', 'x-api-key: abcdef', ['abcdef']],
    ['each cookie', 'cookie: a=first; b=sec=ond', ['a=first; b=sec=ond', 'first', 'sec=ond']],
    ['a parameter, written and decoded', 'api_key=a%2Fb%20c', ['a%2Fb%20c', 'a/b c']],
    ['a parameter in another spelling', 'api_key=a/b', ['a/b', 'a%2Fb']],
    ['a plus sign is a space', 'api_key=a+b', ['a+b', 'a b', 'a%20b']],
    ['a parameter that cannot be decoded', 'api_key=%E0%A4%A', ['%E0%A4%A']],
    ['a value with an equals sign', 'api_key=ab==', ['ab==']],
  ]
  for (const [name, credential, expected] of cases) {
    test(name, () => {
      const forms = credentialForms([credential])
      for (const form of expected)
        assert.ok(forms.includes(form), `${form} in ${forms.join(' | ')}`)
    })
  }

  test('the order of different credentials does not matter', () => {
    const credentials = ['api_key=abcdef', 'authorization: Bearer ghijkl', 'cookie: a=b']
    assert.deepEqual(credentialForms(credentials), credentialForms(credentials.toReversed()))
  })
})

describe('takeOutEchoes', () => {
  const cases: [name: string, texts: string[], forms: string[], cleaned: string[] | undefined][] = [
    ['nothing', ['abc', 'def'], ['secret'], undefined],
    ['no forms', ['abc'], [], undefined],
    ['in the middle', ['a=secret&b'], ['secret'], ['a=&b']],
    ['the whole text', ['secret'], ['secret'], ['']],
    [
      'several times and in several texts',
      ['secretxsecret', '', 'ysecret'],
      ['secret'],
      ['x', '', 'y'],
    ],
    ['the longest of two that begin alike', ['secretmore'], ['secret', 'secretmore'], ['']],
    ['the first of two', ['Bearer secret'], ['secret', 'Bearer secret'], ['']],
    ['one beside another', ['secrettoken1'], ['token1', 'secret'], ['']],
    ['too short to be one', ['abc'], ['abc', 'ab', ''], undefined],
    ['four characters', ['xabcdx'], ['abcd'], ['xx']],
    ['one that appears only when another is gone', ['secsecretret'], ['secret'], ['']],
  ]
  for (const [name, texts, forms, cleaned] of cases) {
    test(name, () => assert.deepEqual(takeOutEchoes(texts, anywhere(forms))?.texts, cleaned))
  }
})

describe('properties', () => {
  // Few letters, so that texts hold forms, parts of forms and overlapping ones.
  const form = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 })
  const forms = fc.array(form, { maxLength: 4 })
  const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 }), {
    maxLength: 4,
  })

  test('putting back undoes taking out', () => {
    fc.assert(
      fc.property(texts, forms, (lines, list) => {
        const taken = takeOutEchoes(lines, anywhere(list))
        if (taken !== undefined)
          assert.deepEqual(putBackEchoes(taken.texts, taken.echoes, anywhere(list)), lines)
      }),
      { numRuns: 2000 },
    )
  })

  test('nothing of a form is left', () => {
    fc.assert(
      fc.property(texts, forms, (lines, list) => {
        const left = takeOutEchoes(lines, anywhere(list))?.texts ?? lines
        for (const each of list.filter(({ length }) => length >= 4)) {
          for (const text of left) assert.ok(!text.includes(each))
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('any text and any form', () => {
    const any = fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 })
    fc.assert(
      fc.property(any, any, (parts, list) => {
        // Forms stand in the texts, else hardly any would be found.
        const lines = [parts.join(''), [...parts, ...list, ...parts].join('')]
        const taken = takeOutEchoes(lines, anywhere(list))
        if (taken !== undefined)
          assert.deepEqual(putBackEchoes(taken.texts, taken.echoes, anywhere(list)), lines)
      }),
    )
  })

  test('another credential comes in its place', () => {
    const before = secretForms({ credentials: ['authorization: Bearer first1'], ignored: [] })
    const after = secretForms({ credentials: ['authorization: Bearer second2'], ignored: [] })
    const taken = takeOutEchoes(['http://a/?t=first1&x', 'Bearer first1'], before)!
    assert.deepEqual(putBackEchoes(taken.texts, taken.echoes, after), [
      'http://a/?t=second2&x',
      'Bearer second2',
    ])
  })
})
