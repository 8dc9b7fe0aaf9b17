import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Guard } from '../../lib/exchange/storage-guard.ts'
import type { CacheError } from '../../lib/errors.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Ms } from '../../lib/units.ts'

export const budget: Ms = 100

export interface Setting {
  readonly guard: Guard
  readonly reports: CacheError[]
  /** Lets that much time pass. */
  readonly pass: (time: Ms) => Promise<void>
}

/** A guard whose time stands still until the test lets it pass. */
export function setUp(t: TestContext, patience: Ms = budget): Setting {
  let now = 5_000
  t.mock.timers.enable({ apis: ['setTimeout'] })
  // The mocked ones, which come and go with the test.
  const clock: Clock = { monotonicNow: () => now, setTimeout, clearTimeout }
  const reports: CacheError[] = []
  const guard = new Guard({ budget: patience, report: (error) => reports.push(error), clock })
  const pass = async (time: Ms): Promise<void> => {
    now += time
    t.mock.timers.tick(time)
    await nextTurn()
  }
  return { guard, reports, pass }
}

/** A read that spends its budget in vain. */
export async function hangOnce(guard: Guard, pass: Setting['pass']): Promise<void> {
  const answer = guard.read('read', hang, 0)
  await pass(guard.budget)
  assert.equal(await answer, 0)
}

/** An answer that never comes. */
export function hang(): Promise<number> {
  return new Promise(() => {})
}
