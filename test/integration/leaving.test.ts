/** What a program has read to its end is stored, however it leaves, where that can be done at all. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, test, type TestContext } from 'node:test'
import { partBytes } from '../../lib/entries/body-parts.ts'
import { openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

type Backend = 'sqlite' | 'filesystem'

const bodies = {
  long: Buffer.alloc(3 * partBytes + 500_000, 'a long body '),
  short: Buffer.alloc(5_000, 'a short body '),
}

interface Left {
  /** How the program ended: by a code or by a signal. */
  readonly ended: unknown[]
  readonly body: Buffer | undefined
}

async function leave(
  t: TestContext,
  backend: Backend,
  length: keyof typeof bodies,
  how: string,
): Promise<Left> {
  const origin = await startOrigin(t, (_, response) => response.end(bodies[length]))
  const folder = temporaryFolder(t)
  const client = new URL('leaving-client.ts', import.meta.url)
  const child = fork(client, [backend, folder, origin.url, how], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  const ended = (await once(child, 'exit')) as unknown[]
  const cache = openCache(backend, folder)
  t.after(() => cache.close())
  const stored = await cache.get(origin.url)
  const { unreadable } = await cache.verify()
  assert.equal(unreadable, 0)
  return { ended, body: await stored?.body() }
}

for (const backend of ['sqlite', 'filesystem'] as const) {
  describe(backend, () => {
    for (const [how, code] of [
      ['exit', 0],
      ['exit at the end', 0],
      ['throw', 1],
      ['reject', 1],
    ] as const) {
      for (const length of ['long', 'short'] as const) {
        test(`${how}: a ${length} body is stored`, async (t) => {
          const { ended, body } = await leave(t, backend, length, how)
          assert.deepEqual(ended, [code, null])
          assert.ok(body?.equals(bodies[length]), 'it is not stored')
        })
      }
    }

    for (const length of ['long', 'short'] as const) {
      test(`a signal, and close() in its listener: a ${length} body is stored`, async (t) => {
        const { ended, body } = await leave(t, backend, length, 'closing signal')
        assert.deepEqual(ended, [null, 'SIGTERM'])
        assert.ok(body?.equals(bodies[length]), 'it is not stored')
      })
    }

    test('a signal alone leaves whole entries only', async (t) => {
      const { ended, body } = await leave(t, backend, 'long', 'signal')
      assert.deepEqual(ended, [null, 'SIGTERM'])
      assert.ok(body === undefined || body.equals(bodies.long))
    })
  })
}
