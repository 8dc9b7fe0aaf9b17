/** One server process on a port and a folder of its own, to be killed, frozen and started again. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { answers } from './answers.ts'
import { untilFree } from './ports.ts'
import { end, identify, isAlive, signal, type ProcessIdentity } from './process-identity.ts'
import { endOrphans, removeRecord, removeServer, writeRecord } from './records.ts'
import type { ServerRecord, ServiceName } from './records.ts'

/** Long enough for a JVM on a busy machine. */
const startingTime = 60_000

/** What to start, and where. */
export interface ServerPlan {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly command: string
  readonly args: (folder: string) => readonly string[]
  /** Laid into the folder before the first start. */
  readonly files?: Readonly<Record<string, string>>
  /** What it is started for, when that outlives this program. Absent: private, ends with it. */
  readonly service?: ServiceName | undefined
}

/** A running server. Private ones end with the program, however it ends. */
export class Server {
  readonly url: string
  readonly port: number
  readonly #plan: ServerPlan
  readonly #folder: string
  #record: ServerRecord

  private constructor(plan: ServerPlan, folder: string, record: ServerRecord) {
    this.url = plan.url
    this.port = plan.port
    this.#plan = plan
    this.#folder = folder
    this.#record = record
  }

  /** Starts a server and waits until it answers. @throws Error with the end of its log */
  static async start(plan: ServerPlan): Promise<Server> {
    await endLeftovers()
    const folder = mkdtempSync(join(tmpdir(), `undici-cache-${plan.name}-`))
    for (const [name, text] of Object.entries(plan.files ?? {})) {
      writeFileSync(join(folder, name), text)
    }
    try {
      return new Server(plan, folder, await launch(plan, folder))
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  get pid(): number {
    return this.#record.pid
  }

  /** All that it printed. */
  log(): string {
    return readFileSync(join(this.#folder, 'server.log'), 'utf8')
  }

  /** Ends it as a crash would. Its port and its data are kept for `restart`. */
  kill(): Promise<void> {
    return end(this.#record, 0)
  }

  /** Stops it where it is: connections stay open and nothing answers. */
  freeze(): void {
    signal(this.#record, 'SIGSTOP')
  }

  /** Lets a frozen one run on. */
  thaw(): void {
    signal(this.#record, 'SIGCONT')
  }

  /** Starts it again on the same port and data and waits until it answers; ends one that runs. */
  async restart(): Promise<void> {
    await end(this.#record)
    const ended = this.#record
    this.#record = await launch(this.#plan, this.#folder)
    forget(ended)
  }

  /** Ends it for good and removes its data. May be called twice. */
  async stop(): Promise<void> {
    await end(this.#record)
    privateRecords.delete(this.#record)
    removeServer(this.#record)
  }
}

async function launch(plan: ServerPlan, folder: string): Promise<ServerRecord> {
  await untilFree(plan.port)
  const log = join(folder, 'server.log')
  const output = openSync(log, 'a')
  // A group of its own: Ctrl-C is not for it, and what it starts itself is signalled with it.
  const child = spawn(plan.command, plan.args(folder), {
    cwd: folder,
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  child.unref()
  const failed = new Promise<Error>((resolve) => child.once('error', resolve))
  const identity = child.pid === undefined ? undefined : identify(child.pid)
  if (identity === undefined) {
    const cause = child.pid === undefined ? (await failed).message : lastLine(log)
    throw new Error(`${plan.name} did not start: ${cause}`)
  }
  const record = remember(plan, folder, identity)
  const deadline = performance.now() + startingTime
  while (!(await answers(plan.url))) {
    const late = performance.now() > deadline
    if (late || !isAlive(identity)) {
      await end(identity, 0)
      forget(record)
      const when = late ? ` within ${startingTime / 1000} s` : ''
      throw new Error(`${plan.name} did not start${when}: ${lastLine(log)}`)
    }
    await sleep(50)
  }
  return record
}

function lastLine(log: string): string {
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  return lines.at(-1)?.trim() || 'it printed nothing'
}

const privateRecords = new Set<ServerRecord>()

function remember(plan: ServerPlan, folder: string, identity: ProcessIdentity): ServerRecord {
  const { name, url, service } = plan
  const owner = service === undefined ? identify(process.pid) : undefined
  const record: ServerRecord = {
    name,
    url,
    folder,
    ...identity,
    ...(service !== undefined && { service }),
    ...(owner !== undefined && { owner }),
  }
  writeRecord(record)
  if (service === undefined) privateRecords.add(record)
  return record
}

function forget(record: ServerRecord): void {
  privateRecords.delete(record)
  removeRecord(record)
}

process.once('exit', () => {
  for (const record of privateRecords) {
    signal(record, 'SIGKILL')
    removeServer(record)
  }
})

let leftoversEnded: Promise<void> | undefined

/** Once a program: a run of tests that was killed could not end its servers. */
function endLeftovers(): Promise<void> {
  leftoversEnded ??= endOrphans()
  return leftoversEnded
}
