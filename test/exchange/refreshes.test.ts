import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Refreshes, type Refresh } from '../../lib/exchange/refreshes.ts'

interface UnderWay extends Refresh {
  readonly finish: () => void
  aborted: boolean
}

function begin(): UnderWay {
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    done: promise,
    finish: resolve,
    aborted: false,
    abort() {
      this.aborted = true
      resolve()
    },
  }
}

describe('Refreshes', () => {
  test('are open until they are ended', async () => {
    const refreshes = new Refreshes()
    assert.ok(refreshes.open)
    const ended = refreshes.end(60_000)
    assert.ok(!refreshes.open)
    await ended
  })

  test('ending waits for all that are under way, and keeps the program alive no longer', async () => {
    const refreshes = new Refreshes()
    const all = [begin(), begin(), begin()]
    for (const refresh of all) refreshes.add(refresh)
    all[0]!.finish()
    let ended = false
    const ending = refreshes.end(600_000).then(() => (ended = true))
    all[1]!.finish()
    await new Promise(setImmediate)
    assert.ok(!ended)
    all[2]!.finish()
    await ending
    assert.ok(all.every(({ aborted }) => !aborted))
    assert.ok(!process.getActiveResourcesInfo().includes('Timeout'))
  })

  test('what takes too long is called off, and nothing else', async () => {
    const refreshes = new Refreshes()
    const [done, late] = [begin(), begin()]
    for (const refresh of [done, late]) refreshes.add(refresh)
    done.finish()
    await refreshes.end(1)
    assert.deepEqual([done.aborted, late.aborted], [false, true])
  })
})
