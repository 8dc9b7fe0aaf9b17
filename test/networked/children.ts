/** Other processes that use the same server. */
import { fork, type ChildProcess } from 'node:child_process'
import type { TestContext } from 'node:test'
import type { Backend } from './open-caches.ts'

/** What came of a request. */
export interface Asked {
  readonly hit: boolean
  /** SHA-256 of the body. */
  readonly digest: string
  /** By how much more memory was held at the most, while the body was read and stored. */
  readonly grownBytes: number
}

/** Starts one; its errors are shown with those of the tests. */
export function startChild(
  t: TestContext,
  command: string,
  { name, url }: Backend,
  ...args: readonly string[]
): ChildProcess {
  const program = new URL('child-program.ts', import.meta.url)
  const child = fork(program, [command, name, url, ...args], { execArgv: ['--import', 'tsx'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** A process with a cache of its own, which asks for URLs. */
export function startClient(
  t: TestContext,
  backend: Backend,
  cacheName: string,
): (address: string) => Promise<Asked> {
  const child = startChild(t, 'ask', backend, cacheName)
  return async (address) => {
    child.send(address)
    return (await messageOf(child)) as Asked
  }
}

/** What it says next. @throws where it ends instead */
export function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`it has ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}
