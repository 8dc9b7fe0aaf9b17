import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { CacheError } from '../lib/errors.ts'
import { reportError } from '../lib/events.ts'

const error = new CacheError('ERR_CACHE_STORAGE_FAILED', 'the storage failed')

describe('reportError', () => {
  test('tells the callback and the channel', (t) => {
    const told: unknown[] = []
    const listen = (message: unknown): void => void told.push(message)
    subscribe('undici-cache:error', listen)
    t.after(() => unsubscribe('undici-cache:error', listen))
    reportError(error, (each) => told.push(each))
    assert.deepEqual(told, [{ error }, error])
  })

  test('tells the callback where nobody listens to the channel', () => {
    const told: unknown[] = []
    reportError(error, (each) => told.push(each))
    assert.deepEqual(told, [error])
  })

  test('turns what the callback throws into a warning', async () => {
    const thrown = new Error('the callback failed')
    const warned = once(process, 'warning')
    reportError(error, () => {
      throw thrown
    })
    assert.deepEqual(await warned, [thrown])
  })
})
