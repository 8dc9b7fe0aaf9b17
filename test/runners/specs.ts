/** Tests as users of vitest and jest write them, and the settings with which they are run. */

/** What is installed, with versions: what a runner fakes changes with them. */
export const runners: readonly string[] = ['vitest@5.1.2', 'jest@30.5.2']

const imports = `
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as undici from 'undici'
import { useEverything, useStored } from './scenario.js'

const steps = []
const tell = (step) => steps.push(step)
const folder = mkdtempSync(join(tmpdir(), 'undici-cache-runner-'))
`

const afterwards = `
afterAll(() => rmSync(folder, { recursive: true, force: true }))
`

// A test that hangs is ended by the runner, whose own timers are real.
const everything = (what: string): string => `
test(${JSON.stringify(what)}, async () => {
  const library = await import('undici-cache')
  await useEverything(library, undici, folder, tell)
  expect(steps.at(-1)).toBe('end')
})
`

const stored = (what: string, fake: string): string => `
test(${JSON.stringify(what)}, async () => {
  const library = await import('undici-cache')
  await useStored(library, undici, folder, tell, () => { ${fake} })
  expect(steps.at(-1)).toBe('end')
})
`

const vitestImports = `import { afterAll, expect, test, vi } from 'vitest'${imports}${afterwards}`
const jestImports = `import { jest, afterAll, expect, test } from '@jest/globals'${imports}${afterwards}`

/** By the name of the file. */
export const vitest: Readonly<Record<string, string>> = {
  before: `${vitestImports}
vi.useFakeTimers()
${everything('fakes before the library is loaded')}`,
  after: `${vitestImports}
await import('undici-cache')
vi.useFakeTimers()
${everything('fakes after the library was loaded')}`,
  stored: `${vitestImports}
${stored(
  'all that can be faked, once responses are stored',
  `vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval',
    'setImmediate', 'clearImmediate', 'Date', 'performance', 'hrtime', 'queueMicrotask'] })`,
)}`,
}

/** Vitest's settings. */
export const vitestConfig = `
export default { test: { include: ['*.vitest.js'], testTimeout: 60_000, reporters: 'verbose' } }
`

/** By the name of the file. */
export const jest: Readonly<Record<string, string>> = {
  globally: `${jestImports}
${everything('fakes as the settings have them')}`,
  after: `${jestImports}
await import('undici-cache')
jest.useFakeTimers({ doNotFake: ['queueMicrotask'] })
${everything('fakes after the library was loaded')}`,
  legacy: `${jestImports}
jest.useFakeTimers({ legacyFakeTimers: true })
${everything('legacy fakes before the library is loaded')}`,
  stored: `${jestImports}
jest.useRealTimers()
${stored('all that can be faked, once responses are stored', 'jest.useFakeTimers()')}`,
}

const shared = { testMatch: ['**/*.jest.js'], testTimeout: 60_000, transform: {}, verbose: true }

/**
 * Jest's settings: timers that are real until a test says otherwise, and such as are fakes before
 * anything is loaded. Undici itself needs `queueMicrotask` to connect.
 */
export const jestConfigs: readonly object[] = [
  shared,
  { ...shared, fakeTimers: { enableGlobally: true, doNotFake: ['queueMicrotask'] } },
]
