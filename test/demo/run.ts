/**
 * Shows the cache at work: a site is visited by a program, cold and warm, and once more by a second
 * program when the site is gone. Each program is a process of its own; see `client.ts`.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import type { ClientJob, ClientMessage } from './client.ts'
import { demoPaths, startDemoOrigin, type DemoOrigin } from './origin.ts'
import { VisitTable } from './table.ts'

const help = `Usage: npm run demo [-- URL...]

Fetches the URLs twice through global fetch with a cache in SQLite under it, and once more from a
second process that may not ask the network. Without a URL it starts a site of its own on loopback,
and stops it before the second process begins.

  -h, --help  show this text

Exit codes: 0 all URLs were answered, 1 some were not, 2 wrong usage. NO_COLOR turns colours off.`

interface Round {
  readonly milliseconds: number
  readonly requests: number
  readonly failed: boolean
}

function readArguments(): string[] {
  try {
    const { values, positionals } = parseArgs({
      options: { help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    if (values.help !== true) return positionals
    console.log(help)
    return process.exit(0)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return process.exit(2)
  }
}

function start(job: ClientJob): ChildProcess {
  const program = new URL('client.ts', import.meta.url)
  const execArgv = ['--import', import.meta.resolve('tsx')]
  return fork(program, [JSON.stringify(job)], { execArgv })
}

/** Has all URLs visited and prints each visit as it ends. */
async function round(
  client: ChildProcess,
  title: string,
  table: VisitTable,
  origin: DemoOrigin | undefined,
): Promise<Round> {
  console.log(`\n${styleText('bold', title)}\n${table.head()}`)
  client.send('go')
  let failed = false
  for await (const [message] of on(client, 'message', { close: ['exit'] })) {
    const told = message as ClientMessage
    if ('done' in told) {
      const { milliseconds, sent } = told
      return { milliseconds, requests: origin?.takeCount() ?? sent, failed }
    }
    failed ||= told.visit.error !== undefined
    console.log(table.row(told.visit))
  }
  throw new Error(`the program ended with code ${client.exitCode} before it was done`)
}

async function end(client: ChildProcess): Promise<void> {
  const exited = once(client, 'exit')
  client.disconnect()
  await exited
}

async function show(given: readonly string[], folder: string): Promise<boolean> {
  const origin = given.length === 0 ? await startDemoOrigin() : undefined
  const urls = origin === undefined ? given : demoPaths.map((path) => origin.url + path)
  const cacheName = join(folder, 'demo')
  const label = (url: string): string => url.slice(origin?.url.length ?? 0)
  const table = new VisitTable(urls, label, process.stdout.columns)
  const site = origin === undefined ? '' : ` of ${origin.url}`
  console.log(`${urls.length} URLs${site} through global fetch,\ncached in ${cacheName}.sqlite`)

  const obeysMaxAge = origin !== undefined
  const first = start({ urls, cacheName, obeysMaxAge, onlyIfCached: false })
  const cold = await round(first, 'Cold: nothing is stored yet', table, origin)
  const warm = await round(first, 'Warm: the same again', table, origin)
  await end(first)
  await origin?.stop()

  const gone = origin === undefined ? 'the network is out of bounds' : 'the site is stopped'
  const second = start({ urls, cacheName, obeysMaxAge, onlyIfCached: origin === undefined })
  const title = `From disk: process ${second.pid}, after ${first.pid} has ended; ${gone}`
  const disk = await round(second, title, table, origin)
  await end(second)

  console.log(`\n${sum(cold, warm, disk)}`)
  return [cold, warm, disk].every(({ failed }) => !failed)
}

function sum(cold: Round, warm: Round, disk: Round): string {
  const took = [cold, warm, disk].map(({ milliseconds }) => `${milliseconds.toFixed(0)} ms`)
  const factor = `${(cold.milliseconds / warm.milliseconds).toFixed(0)} times as fast`
  // To fail fast is no merit.
  const faster = cold.failed || warm.failed ? '' : ` (${styleText('green', factor)})`
  const asked = [cold, warm, disk].map(({ requests }) => requests)
  return [
    `Time:     cold ${took[0]}, warm ${took[1]}${faster}, from disk ${took[2]}`,
    `Requests: cold ${asked[0]}, warm ${asked[1]}, from disk ${asked[2]}`,
  ].join('\n')
}

const given = readArguments()
const folder = mkdtempSync(join(tmpdir(), 'undici-cache-demo-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))
if (!(await show(given, folder))) process.exitCode = 1
