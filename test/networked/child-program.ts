/** What another process of these tests does: `child-program.ts command backend url cacheName …`. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Agent, request } from 'undici'
import { cacheInterceptor, getCacheInfo } from '../../lib/index.ts'
import { wholeOf, writeOf } from '../backends/writes.ts'
import type { BackendName } from './backend-names.ts'
import { openCache } from './open-caches.ts'
import type { Asked } from './children.ts'

const [command = '', backend, url = '', cacheName = '', ...args] = process.argv.slice(2)
// More than one chunk of GridFS, with which writes are most in parts.
const bytes = backend === 'gridfs' ? 300_000 : 20_000
const cache = openCache(backend as BackendName, url, cacheName)
const { responses } = cache

const commands: Readonly<Record<string, () => Promise<void>>> = {
  // Writes keys that are there and that others write as well, and reads them: one write, whole.
  async share() {
    const [writer = 0, rounds = 0] = args.map(Number)
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        keys.map(async (key, i) => {
          const written = responses.set(key, writeOf(round * 40 + i * 2 + writer, bytes))
          await assertThere(keys[(i + round) % keys.length]!)
          await written
          await assertThere(key)
        }),
      )
    }
  },

  // Writes on and on, into this cache and into another, while somebody clears this one: so often,
  // and it is told of each time. What it writes after the last is there in the end.
  async write() {
    const [otherName = '', times = ''] = args
    const other = openCache(backend as BackendName, url, otherName)
    let cleared = 0
    process.on('message', () => cleared++)
    let written = 0
    while (cleared < Number(times)) {
      const four = Array.from({ length: 4 }, () => written++)
      await Promise.all(
        four.map(async (n) => {
          await responses.set(`k${n % 50}`, writeOf(n, bytes))
          wholeOf(await responses.get(`k${(n + 1) % 50}`))
          await other.responses.set(`k${n}`, writeOf(n, 10))
        }),
      )
      process.send!(written)
    }
    for (let i = 0; i < 10; i++) await responses.set(`after${i}`, writeOf(i, bytes))
    await other.close()
    process.disconnect()
  },

  // Asks for what all others ask for as well, and now and then changes some of it.
  async fleet() {
    const [site = '', index = ''] = args
    const report = { asked: 0, hits: 0, wrong: 0, old: 0, failed: 0, reports: 0 }
    const onError = (error: Error): void => {
      console.error(error)
      report.reports++
    }
    const caching = cacheInterceptor({ backend: cache, storageTimeout: 20_000, onError })
    const dispatcher = new Agent().compose(caching)
    const seen = new Map<string, number>()
    const ask = async (path: string): Promise<void> => {
      const before = seen.get(path) ?? 0
      const response = await request(site + path, { dispatcher })
      const text = await response.body.text()
      const version = Number.parseInt(text, 10)
      report.asked++
      if (getCacheInfo(response)?.hit === true) report.hits++
      if (text !== `${version} ${path} `.repeat(path.startsWith('/long') ? 100_000 : 100)) {
        report.wrong++
      }
      if (version < before) report.old++
      seen.set(path, Math.max(version, seen.get(path) ?? 0))
    }
    const change = async (path: string): Promise<void> => {
      const { body } = await request(site + path, { dispatcher, method: 'POST' })
      await body.dump()
      // Whoever changes something counts: nobody else changes this one.
      seen.set(path, (seen.get(path) ?? 0) + 1)
    }
    for (let round = 0; round < 40; round++) {
      const n = (round * 7 + Number(index)) % 20
      const own = `/own/${index}`
      if (round % 10 === 9) await change(own).catch(() => report.failed++)
      const paths = [`/same/${n}`, `/same/${(n + 1) % 20}`, own, `/own/${(n + 1) % 10}`]
      if (round % 20 === 0) paths.push(`/long/${n % 3}`)
      await Promise.all(paths.map((path) => ask(path).catch(() => report.failed++)))
    }
    await caching.close()
    await dispatcher.close()
    process.send!(report)
    process.disconnect()
  },

  // Asks for what it is told to, through the interceptor.
  async ask() {
    const onError = (error: Error): never => {
      console.error(error)
      process.exit(1)
    }
    const caching = cacheInterceptor({ backend: cache, storageTimeout: 20_000, onError })
    const dispatcher = new Agent().compose(caching)
    const answer = async (address: string): Promise<void> => {
      const before = process.memoryUsage.rss()
      let most = before
      const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
      const response = await request(address, { dispatcher })
      const digest = createHash('sha256')
      for await (const chunk of response.body) digest.update(chunk as Buffer)
      const hit = getCacheInfo(response)?.hit === true
      await cache.flush()
      clearInterval(watch)
      const asked: Asked = { hit, digest: digest.digest('hex'), grownBytes: most - before }
      process.send!(asked)
    }
    process.on('message', (address: string) => void answer(address))
    await new Promise((resolve) => process.on('disconnect', resolve))
    await caching.close()
    await dispatcher.close()
  },
}

async function assertThere(key: string): Promise<void> {
  const record = await responses.get(key)
  assert.ok(record !== undefined, `${key} is gone`)
  wholeOf(record)
}

await commands[command]!()
await cache.close()
