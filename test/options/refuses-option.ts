import assert from 'node:assert/strict'
import { readOptions } from '../../lib/options/settings.ts'

/** The message names the option, and says what was expected and what came. */
export function refusesOption(name: string, value: unknown, expected: string, got: string): void {
  assert.throws(
    () => readOptions({ backend: 'memory', [name]: value }),
    (error: TypeError & { code?: string }) => {
      assert.ok(error instanceof TypeError)
      assert.equal(error.code, 'ERR_CACHE_OPTION_INVALID')
      assert.ok(error.message.startsWith(`option '${name}' must be `), error.message)
      assert.ok(error.message.includes(expected), error.message)
      assert.ok(error.message.split(', got ').at(-1)!.includes(got), error.message)
      return true
    },
  )
}
