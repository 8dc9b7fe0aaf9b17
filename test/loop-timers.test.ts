import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopTimers } from '../lib/loop-timers.ts'

test('a timer can be held and released, as often as one likes, also when it has ended', async () => {
  const { setTimeout, clearTimeout } = new LoopTimers()
  const fired = await new Promise((resolve) => {
    const timer = setTimeout(resolve, 20, 'fired').unref().ref().ref().unref().ref()
    assert.equal(typeof timer.ref, 'function')
  })
  assert.equal(fired, 'fired')
  const ended = setTimeout(() => assert.fail('it was ended'), 1)
  clearTimeout(ended)
  ended.ref().unref()
  await new Promise((resolve) => setTimeout(resolve, 20))
})
