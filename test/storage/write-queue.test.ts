import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WriteQueue } from '../../lib/storage/write-queue.ts'
import { CacheError } from '../../lib/errors.ts'

interface Sent {
  readonly name: string
  readonly answer: (error?: Error) => void
}

/** Writes that end when they are told to. */
function open(limits: { atOnce?: number; bytesAtOnce?: number; pendingBytes?: number }) {
  const queue = new WriteQueue('Server', { atOnce: 100, bytesAtOnce: 100, ...limits })
  const sent: Sent[] = []
  const write = (name: string, bytes: number): Promise<string> =>
    queue.write(bytes, () => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      sent.push({ name, answer: (error) => (error ? reject(error) : resolve(name)) })
      return promise
    })
  return { write, sent, names: () => sent.map(({ name }) => name).join('') }
}

test('so many bytes are on their way at once, and the others follow in their order', async () => {
  const { write, sent, names } = open({ bytesAtOnce: 100 })
  const all = [write('a', 60), write('b', 40), write('c', 1), write('d', 99), write('e', 1)]
  await nextTurn()
  assert.equal(names(), 'ab')
  sent[0]!.answer()
  await nextTurn()
  assert.equal(names(), 'abc', 'nobody overtakes one that has no room yet')
  sent[1]!.answer()
  await nextTurn()
  assert.equal(names(), 'abcd')
  for (let n = 2; n < 5; n++) {
    sent[n]!.answer()
    await nextTurn()
  }
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd', 'e'])
})

test('so many writes at once, however short', async () => {
  const { write, sent, names } = open({ atOnce: 2 })
  const all = ['a', 'b', 'c'].map((name) => write(name, 0))
  await nextTurn()
  assert.equal(names(), 'ab')
  for (const each of [0, 1, 2]) {
    sent[each]!.answer()
    await nextTurn()
  }
  await Promise.all(all)
})

test('one that is longer than what is allowed goes alone', async () => {
  const { write, sent, names } = open({ bytesAtOnce: 10 })
  const all = [write('a', 1), write('b', 1_000), write('c', 1)]
  await nextTurn()
  assert.equal(names(), 'a')
  sent[0]!.answer()
  await nextTurn()
  assert.equal(names(), 'ab')
  sent[1]!.answer()
  await nextTurn()
  assert.equal(names(), 'abc')
  sent[2]!.answer()
  await Promise.all(all)
})

test('what waits is bounded, too: what is too much is refused, and room comes back', async () => {
  const { write, sent } = open({ bytesAtOnce: 10, pendingBytes: 30 })
  const taken = [write('a', 10), write('b', 10), write('c', 10)]
  await assert.rejects(write('d', 1), {
    code: 'ERR_CACHE_STORAGE_BUSY',
    message: 'Server does not keep up: 30 bytes wait to be written',
  })
  sent[0]!.answer()
  await taken[0]
  const later = write('e', 10)
  for (let n = 1; n < 4; n++) {
    await nextTurn()
    sent[n]!.answer()
  }
  await Promise.all([...taken, later])
  const alone = write('f', 1_000)
  await nextTurn()
  sent[4]!.answer()
  assert.equal(await alone, 'f')
})

test('one that fails says nothing of the others, but one that is late does', async () => {
  const { write, sent, names } = open({ bytesAtOnce: 1 })
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => write(name, 1))
  sent[0]!.answer(new Error('no'))
  await assert.rejects(a!, /^Error: no$/)
  await nextTurn()
  assert.equal(names(), 'ab')
  const late = new CacheError('ERR_CACHE_STORAGE_TIMEOUT', 'late')
  sent[1]!.answer(late)
  for (const each of [b, c, d]) await assert.rejects(each!, late)
  assert.equal(names(), 'ab')
  const next = write('e', 1)
  await nextTurn()
  sent[2]!.answer()
  assert.equal(await next, 'e')
})
