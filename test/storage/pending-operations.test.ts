import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as later } from 'node:timers/promises'
import { PendingOperations } from '../../lib/storage/pending-operations.ts'

const forEver = (): Promise<never> => new Promise(() => {})
const never = 2 ** 30

test('what is answered in time is handed on, and so is what fails', async () => {
  const waiting = new PendingOperations('Server', never)
  assert.equal(await waiting.for(async () => 1), 1)
  const error = new Error('no')
  await assert.rejects(
    waiting.for(() => Promise.reject(error)),
    error,
  )
})

test('nothing is waited for longer than the limit, and it is cancelled then', async () => {
  const waiting = new PendingOperations('Server', 10)
  let cancelled = 0
  const late = waiting.for(forEver, () => cancelled++)
  await assert.rejects(late, {
    code: 'ERR_CACHE_STORAGE_TIMEOUT',
    message: 'Server did not answer within 10 ms',
  })
  assert.equal(cancelled, 1)
})

test('each waits for its own time, whatever was asked before', async () => {
  const waiting = new PendingOperations('Server', 50)
  const lateAfter = async (): Promise<number> => {
    const begun = performance.now()
    await assert.rejects(waiting.for(forEver), { code: 'ERR_CACHE_STORAGE_TIMEOUT' })
    return performance.now() - begun
  }
  assert.equal(await waiting.for(() => later(20, 'an answer')), 'an answer')
  const one = lateAfter()
  await later(20)
  const two = lateAfter()
  for (const waited of await Promise.all([one, two])) assert.ok(waited > 49, `${waited} ms`)
})

test('a limit that is longer than any timer is none', async () => {
  const waiting = new PendingOperations('Server', Infinity)
  const { promise, resolve } = Promise.withResolvers<number>()
  const answer = waiting.for(() => promise)
  await later(20)
  resolve(1)
  assert.equal(await answer, 1)
})

test('a server that cannot be reached ends all that waits, and is not asked until it is back', async () => {
  const waiting = new PendingOperations('Server', never)
  const away = new Error('connect ECONNREFUSED')
  const open = [waiting.for(forEver), waiting.for(forEver)]
  waiting.refuse(away)
  for (const each of open) await assert.rejects(each, away)
  let asked = 0
  const ask = async (): Promise<number> => ++asked
  await assert.rejects(waiting.for(ask), away)
  assert.equal(asked, 0)
  waiting.accept()
  assert.equal(await waiting.for(ask), 1)
})

test('after the end nothing is asked, whatever the server does', async () => {
  const waiting = new PendingOperations('Server', never)
  const open = waiting.for(forEver)
  waiting.close()
  waiting.accept()
  waiting.refuse(new Error('connect ECONNREFUSED'))
  const closed = { code: 'ERR_CACHE_STORAGE_CLOSED' }
  await assert.rejects(open, closed)
  await assert.rejects(
    waiting.for(async () => 1),
    closed,
  )
})

test('what has settled is not cancelled, and holds no timer', async () => {
  const waiting = new PendingOperations('Server', never)
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length
  const before = timers()
  let cancelled = false
  await waiting.for(
    async () => 1,
    () => (cancelled = true),
  )
  waiting.close()
  await nextTurn()
  assert.equal(cancelled, false)
  assert.equal(timers(), before)
})

test('giving up takes its time, and sets no timer in the past', async (t) => {
  const warnings: string[] = []
  const listen = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', listen)
  t.after(() => process.off('warning', listen))
  const waiting = new PendingOperations('Server', 20)
  const busy = (): void => {
    const until = performance.now() + 30
    while (performance.now() < until);
  }
  const asked: Promise<unknown>[] = []
  for (let n = 0; n < 3; n++) {
    asked.push(assert.rejects(waiting.for(forEver, busy), { code: 'ERR_CACHE_STORAGE_TIMEOUT' }))
    const until = performance.now() + 3
    while (performance.now() < until);
  }
  await Promise.all(asked)
  await nextTurn()
  assert.deepEqual(warnings, [])
})
