/** Free ports on loopback. */
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A Redis of a cluster talks to the others on a second port, this much further. */
export const clusterBus = 10_000

/**
 * Finds a port that nobody listens on, `alsoAbove` ports above it another.
 * Below the ports that systems give to outgoing connections: one of those could take the port of
 * a server while it is down, and it could not come back.
 */
export async function freePort(alsoAbove = 0): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 14_000 + Math.floor(Math.random() * 8000)
    if ((await isFree(port)) && (alsoAbove === 0 || (await isFree(port + alsoAbove)))) return port
  }
  throw new Error('no free port between 14000 and 22000')
}

/** Waits for a port that a server has just left. @throws Error when another holds it */
export async function untilFree(port: number): Promise<void> {
  const deadline = performance.now() + 5000
  while (!(await isFree(port))) {
    if (performance.now() > deadline) throw new Error(`port ${port} is taken`)
    await sleep(20)
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => resolve(true))
    })
  })
}
