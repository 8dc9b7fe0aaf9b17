import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { PartsAtHand, type PartsHolder } from '../../lib/exchange/parts-at-hand.ts'

const open = (count: number): PartsHolder[] => {
  const parts = new PartsAtHand()
  return Array.from({ length: count }, () => parts.open())
}

describe('parts at hand', () => {
  test('are 32 at once; the next comes in when one has gone, in order', async () => {
    const holders = open(34)
    for (const holder of holders.slice(0, 32)) assert.equal(holder.take(), undefined)
    const came: string[] = []
    const next = holders[32]!.take()?.then(() => came.push('33rd'))
    const last = holders[33]!.take()?.then(() => came.push('34th'))
    assert.ok(next !== undefined && last !== undefined)
    await Promise.resolve()
    assert.deepEqual(came, [])
    holders[5]!.giveBack()
    await next
    assert.deepEqual(came, ['33rd'])
    holders[6]!.close()
    await last
    assert.deepEqual(came, ['33rd', '34th'])
  })

  test('are nobody’s for long: who waits does not wait for a caller that does not read', async () => {
    const holders = open(40)
    for (const holder of holders.slice(0, 32)) assert.equal(holder.take(), undefined)
    const begin = performance.now()
    await Promise.all(holders.slice(32).map(async (holder) => holder.take()))
    assert.ok(performance.now() - begin >= 45)
    // Those that lost theirs have nothing to give back.
    for (const holder of holders) holder.giveBack()
    assert.equal(holders[0]!.take(), undefined)
  })

  test('of one that ends while it waits are given to nobody', async () => {
    const holders = open(34)
    for (const holder of holders.slice(0, 32)) void holder.take()
    let came = false
    void holders[32]!.take()?.then(() => (came = true))
    holders[32]!.close()
    const last = holders[33]!.take()
    holders[0]!.giveBack()
    await last
    await later(0)
    assert.ok(!came)
  })

  test('are crowded where more than 32 bodies are replayed', () => {
    const parts = new PartsAtHand()
    const holders = Array.from({ length: 33 }, () => parts.open())
    assert.ok(holders[0]!.isCrowded)
    holders[1]!.close()
    holders[1]!.close()
    assert.ok(!holders[0]!.isCrowded)
  })
})
