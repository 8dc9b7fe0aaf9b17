import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable, shortened, wrapped } from '../../lib/cli/printable.ts'

test('what would move the cursor is shown as what it is', () => {
  assert.equal(printable('a\u001b[31mb\nc\u202e'), 'a\\x1b[31mb\\x0ac\\u202e')
  assert.equal(printable('a\r\n\tb\u0007', 'lines'), 'a\n\tb\\x07')
})

test('a text that is too long loses its middle', () => {
  assert.equal(shortened('0123456789', 10), '0123456789')
  assert.equal(shortened('0123456789', 5), '01…89')
})

test('a line is broken between words, and a word where it is longer than a line', () => {
  const words = 'one two three four five six seven eight nine ten'
  assert.equal(wrapped(words, undefined, 2), words)
  assert.equal(wrapped(words, 24, 2), 'one two three four five\n  six seven eight nine\n  ten')
  assert.equal(wrapped(words, 24, 2, 10).split('\n')[0], 'one two three')
  const url = `see ${'x'.repeat(50)}`
  const lines = wrapped(url, 24, 2).split('\n')
  assert.deepEqual(
    lines.map((line) => line.length),
    [24, 24, 10],
  )
  assert.equal(lines.map((line) => line.trim()).join(''), url)
  assert.equal(wrapped(words, 10, 2), words, 'where nothing fits')
})

test('letters of East Asia take two columns', () => {
  assert.equal(wrapped('漢'.repeat(15), 24, 2), `${'漢'.repeat(12)}\n  ${'漢'.repeat(3)}`)
})
