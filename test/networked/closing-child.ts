/** Starts `closing-program.ts`, and sees to it that it ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startOrigin } from '../integration/origin.ts'
import type { Place } from './harmed-server.ts'

const program = fileURLToPath(import.meta.resolve('./closing-program.ts'))

/** A program that has asked its origin, which waits. */
export interface ClosingChild {
  /** The answer comes; the program stores it and closes. @returns how long closing and ending took */
  answer(): Promise<{ closing: number; ending: number }>
}

/** @returns once the origin has been asked */
export async function startClosingChild(t: TestContext, place: Place): Promise<ClosingChild> {
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>()
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const origin = await startOrigin(t, (_, response) => {
    isAsked()
    void held.then(() => response.end('the answer'))
  })
  const args = ['--import', import.meta.resolve('tsx'), program, JSON.stringify(place), origin.url]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'close') as Promise<[code: number | null]>
  const [printed, complaints] = [text(child.stdout), text(child.stderr)]
  await Promise.race([asked, ended])
  return {
    async answer() {
      const closed = once(child.stdout, 'data').then(() => performance.now())
      release()
      const [code] = await ended
      const ending = performance.now() - (await closed)
      assert.equal(code, 0, await complaints)
      assert.doesNotMatch(await complaints, /unhandled/i)
      return { closing: Number(await printed), ending }
    },
  }
}
