import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { startOrigin, type Answer, type Origin } from './origin.ts'

/** An origin whose second answer to each path comes when the test lets it. */
export async function startHolding(
  t: TestContext,
  answer: Answer = (_, response, nth) => response.end(String(nth)),
): Promise<{ origin: Origin; asked: Promise<ServerResponse>; release: () => void }> {
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<ServerResponse>()
  const origin = await startOrigin(t, (seen, response, nth) => {
    if (nth !== 2) return answer(seen, response, nth)
    isAsked(response)
    return void held.then(() => answer(seen, response, nth))
  })
  return { origin, asked, release }
}
