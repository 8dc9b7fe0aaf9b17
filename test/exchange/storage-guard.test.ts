import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Guard } from '../../lib/exchange/storage-guard.ts'
import { CacheError } from '../../lib/errors.ts'
import { budget, hang, hangOnce, setUp } from './guard-with-clock.ts'

const failure = new Error('disk on fire')
function codesOf(reports: readonly CacheError[]): string[] {
  return reports.map(({ code }) => code)
}

describe('read', () => {
  test('an answer at once comes at once', (t) => {
    const { guard, reports } = setUp(t)
    assert.equal(
      guard.read('read', () => 5, 0),
      5,
    )
    assert.deepEqual(reports, [])
  })

  test('an answer within the budget comes as it is', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const later = Promise.withResolvers<number>()
    const answer = guard.read('read', () => later.promise, 0)
    await pass(budget - 1)
    later.resolve(5)
    assert.equal(await answer, 5)
    await pass(budget)
    assert.deepEqual(reports, [])
  })

  for (const [kind, ask] of [
    [
      'throws',
      (): never => {
        throw failure
      },
    ],
    ['rejects', (): Promise<number> => Promise.reject(failure)],
  ] as const) {
    test(`a storage that ${kind}: the fallback, and a report`, async (t) => {
      const { guard, reports } = setUp(t)
      assert.equal(await guard.read('look up a response', ask, 0), 0)
      assert.deepEqual(codesOf(reports), ['ERR_CACHE_STORAGE_FAILED'])
      assert.equal(reports[0]!.cause, failure)
      assert.match(reports[0]!.message, /look up a response/)
      // It answers, if only with errors: asking again costs nothing.
      assert.ok(guard.available)
    })
  }

  test('a storage that hangs: the fallback when the budget is spent, and a report', async (t) => {
    const { guard, reports, pass } = setUp(t)
    let answered = false
    const answer = Promise.resolve(guard.read('read', hang, 0))
    void answer.then(() => (answered = true))
    await pass(budget - 1)
    assert.ok(!answered)
    await pass(1)
    assert.ok(answered)
    assert.equal(await answer, 0)
    assert.deepEqual(codesOf(reports), ['ERR_CACHE_STORAGE_TIMEOUT'])
    assert.match(reports[0]!.message, /100 ms/)
  })

  test('an error of ours is reported as it is', async (t) => {
    const { guard, reports } = setUp(t)
    const ours = new CacheError('ERR_CACHE_STORAGE_BUSY', 'busy')
    await guard.read('read', () => Promise.reject(ours), 0)
    assert.deepEqual(reports, [ours])
  })
})

describe('an outage', () => {
  for (const kind of ['read', 'write'] as const) {
    test(`of a ${kind} is reported once, until one has succeeded`, async (t) => {
      const { guard, reports, pass } = setUp(t)
      for (let i = 0; i < 3; i++) guard.failed(kind, 'work', failure)
      assert.equal(reports.length, 1)
      const successes = [
        (): unknown => success(guard, kind, 5),
        (): unknown => success(guard, kind, Promise.resolve(5)),
        (): unknown => guard.answered(kind),
      ]
      for (const [index, succeed] of successes.entries()) {
        await succeed()
        await nextTurn()
        // A storage that fails by turns has one outage.
        await pass(5 * budget)
        guard.failed(kind, 'work', failure)
        assert.equal(reports.length, index + 1)
        await succeed()
        await pass(5 * budget + 1)
        guard.failed(kind, 'work', failure)
        assert.equal(reports.length, index + 2)
      }
    })
  }

  test('of writes does not end with a read, nor the other way round: a full disk can be read', (t) => {
    const { guard, reports } = setUp(t)
    guard.failed('write', 'work', failure)
    assert.equal(
      guard.read('work', () => 5, 0),
      5,
    )
    guard.failed('write', 'work', failure)
    assert.equal(reports.length, 1)
    guard.failed('read', 'work', failure)
    assert.equal(reports.length, 2)
    guard.write('work', () => {})
    guard.failed('read', 'work', failure)
    assert.equal(reports.length, 2)
  })

  test('is one, whether a write or a read fails first', async (t) => {
    for (const first of ['write', 'read'] as const) {
      const { guard, reports, pass } = setUp(t)
      guard.failed(first, 'work', failure)
      guard.failed(first === 'write' ? 'read' : 'write', 'work', failure)
      // One that comes and goes.
      assert.equal(await guard.read('work', async () => 5, 0), 5)
      guard.failed('write', 'work', failure)
      await pass(budget)
      guard.failed('read', 'work', failure)
      assert.equal(reports.length, 1, first)
      t.mock.timers.reset()
    }
  })

  test('does not end with what this process has in memory', async (t) => {
    const { guard, reports, pass } = setUp(t)
    // It is a storage that takes its time.
    assert.equal(await guard.read('work', async () => 5, 0), 5)
    await pass(1)
    for (let silence = 0; silence < 3; silence++) {
      assert.equal(
        guard.read('work', () => 5, 0),
        5,
      )
      await hangOnce(guard, pass)
    }
    assert.ok(!guard.available, 'it rests')
    guard.failed('write', 'work', failure)
    assert.equal(reports.length, 1)
    // Nor is it an answer to who probes: the next one does.
    await pass(1_000)
    assert.equal(
      guard.read('work', () => 5, 0),
      5,
    )
    assert.ok(guard.available)
    assert.equal(await guard.read('work', async () => 6, 0), 6)
    assert.equal(await guard.read('work', async () => 7, 0), 7)
  })

  test('is none where the cache was closed before a late answer', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const { promise, reject } = Promise.withResolvers<number>()
    const answer = guard.read('read', () => promise, 0, budget / 4)
    await pass(budget / 4)
    assert.equal(await answer, 0)
    reject(new CacheError('ERR_CACHE_STORAGE_CLOSED', 'the cache is closed'))
    await nextTurn()
    await pass(budget)
    assert.deepEqual(reports, [])
  })

  test('of a storage is not waited for by a request that has waited enough', async (t) => {
    const { guard, pass } = setUp(t)
    const answer = guard.read('read', hang, 0, budget / 4)
    await pass(budget / 4)
    assert.equal(await answer, 0)
    assert.equal(await guard.read('read', hang, 0, 0), 0)
  })

  test('is none where one entry is corrupt: each is reported', async (t) => {
    const { guard, reports } = setUp(t)
    const corrupt = new CacheError('ERR_CACHE_ENTRY_CORRUPT', 'corrupt')
    for (let i = 0; i < 2; i++) await guard.read('read', () => Promise.reject(corrupt), 0)
    assert.deepEqual(reports, [corrupt, corrupt])
    await guard.read('read', () => Promise.reject(failure), 0)
    assert.equal(reports.length, 3)
  })

  test('is none where a function of the caller failed: what the storage does is still told', (t) => {
    const { guard, reports } = setUp(t)
    for (let i = 0; i < 2; i++) {
      guard.failed('write', '', new CacheError('ERR_CACHE_CALLBACK_FAILED', 'expireAfter failed'))
    }
    guard.failed('read', 'look up', failure)
    assert.equal(reports.length, 3)
  })
})

describe('write', () => {
  for (const [kind, work] of [
    [
      'throws',
      (): never => {
        throw failure
      },
    ],
    ['rejects', (): Promise<void> => Promise.reject(failure)],
  ] as const) {
    test(`that ${kind} is reported`, async (t) => {
      const { guard, reports } = setUp(t)
      guard.write('store a response', work)
      await nextTurn()
      assert.deepEqual(codesOf(reports), ['ERR_CACHE_STORAGE_FAILED'])
      assert.match(reports[0]!.message, /store a response/)
    })
  }

  test('may take ten times as long as a read, and no longer', async (t) => {
    const { guard, reports, pass } = setUp(t)
    guard.write('write', hang)
    await pass(10 * budget - 1)
    assert.equal(reports.length, 0)
    await pass(1)
    assert.deepEqual(codesOf(reports), ['ERR_CACHE_STORAGE_TIMEOUT'])
    assert.match(reports[0]!.message, /1000 ms/)
    // What cannot be written may be readable.
    assert.ok(guard.available)
  })

  test('that ended in time is not reported later', async (t) => {
    const { guard, reports, pass } = setUp(t)
    guard.write('write', () => Promise.resolve())
    guard.write('write', () => {})
    await nextTurn()
    await pass(10 * budget)
    assert.deepEqual(reports, [])
  })
})

describe('timers', () => {
  // A pending one of a write must not keep a process alive; that of a read has to.
  const pending = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

  test('of a write that hangs are unref’d', () => {
    const guard = new Guard({ budget: 10_000, report() {} })
    const before = pending()
    guard.write('write', hang)
    assert.equal(pending(), before)
  })

  test('of what was answered are gone', async () => {
    const guard = new Guard({ budget: 10_000, report() {} })
    const before = pending()
    const answers = [
      guard.read('read', () => Promise.resolve(5), 0),
      guard.read('read', () => Promise.reject(failure), 0),
    ]
    assert.equal(pending(), before + 2)
    for (const answer of answers) await answer
    assert.equal(pending(), before)
  })
})

function success(guard: Guard, kind: 'read' | 'write', answer: number | Promise<number>): unknown {
  return kind === 'read' ? guard.read('work', () => answer, 0) : guard.write('work', () => answer)
}
