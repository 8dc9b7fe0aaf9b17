/** Runs `undici-cache` on real files: in this process, or as a shell or a terminal would. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../../lib/cli/program.ts'

const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url))
const tsx = import.meta.resolve('tsx')

/** What became of a run. */
export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Standard output. */
  readonly out: string
  /** Standard error. */
  readonly err: string
}

export interface RunOptions {
  /** Where relative paths begin. */
  readonly folder: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
  /** Called with the process once it runs. */
  readonly started?: (child: ChildProcess) => void
}

/** A folder that goes with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'undici-cache-cli-'))
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** Runs it in pipes, in this very process, which takes a tenth of the time: one at a time. */
export async function runCli(
  args: readonly string[],
  { folder, env, input, watched }: InProcessOptions,
): Promise<Ran> {
  const [stdout, stderr] = [new Printed(), new Printed(watched === true)]
  const stdin = Readable.from(input === undefined ? [] : [Buffer.from(input)])
  const restore = move(folder, env)
  try {
    const code = await runProgram(args, { stdin, stdout, stderr })
    return { code, signal: null, out: stdout.text, err: stderr.text }
  } finally {
    restore()
  }
}

interface InProcessOptions extends Omit<RunOptions, 'started'> {
  /** Whether standard error is like a terminal. */
  readonly watched?: boolean
}

class Printed extends Writable {
  readonly isTTY: boolean
  readonly columns: number = 80
  readonly #chunks: Buffer[] = []

  constructor(isTTY = false) {
    super()
    this.isTTY = isTTY
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk)
    done()
  }
}

/** Goes into a folder, with an environment. @returns what goes back */
function move(folder: string, env: NodeJS.ProcessEnv | undefined): () => void {
  const before = process.cwd()
  const variables = { ...process.env }
  const set = (all: NodeJS.ProcessEnv): void => {
    for (const name of Object.keys(process.env)) if (!(name in all)) delete process.env[name]
    Object.assign(process.env, all)
  }
  process.chdir(folder)
  set(plainEnvironment(env))
  return () => {
    process.chdir(before)
    set(variables)
  }
}

/** Runs it in pipes, as a program of its own. */
export function runProcess(
  args: readonly string[],
  { folder, env, input, started }: RunOptions,
): Promise<Ran> {
  const child = spawn(process.execPath, ['--import', tsx, main, ...args], {
    cwd: folder,
    env: plainEnvironment(env),
  })
  started?.(child)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return ended(child)
}

/** A line as it is typed: in this process where all that a shell does is to take words apart. */
export function runLine(line: string, options: RunOptions): Promise<Ran> {
  const words = line.matchAll(/'([^']*)'|"([^"]*)"|#.*|(\S+)/g)
  const [program, ...args] = Array.from(words, ([, a, b, c]) => a ?? b ?? c).filter(
    (word) => word !== undefined,
  )
  const isPlain = program === 'undici-cache' && !args.some((word) => /^[|<>&;]/.test(word))
  return isPlain ? runCli(args, options) : runShell(line, options)
}

/** How a program of the shell calls it: `undici-cache ls | head -1`. */
export function runShell(line: string, { folder, env }: RunOptions): Promise<Ran> {
  const program = [process.execPath, '--import', tsx, main].map(quoted).join(' ')
  const script = `set -o pipefail; undici-cache() { ${program} "$@"; }\n${line}`
  return ended(spawn('bash', ['-c', script], { cwd: folder, env: plainEnvironment(env) }))
}

/** Why there is no terminal to be had; false where there is one. */
export const noTerminal: string | false = spawnSync('script', ['--version'])
  .stdout?.toString()
  .includes('util-linux')
  ? false
  : "needs util-linux's script, which makes terminals"

export interface TerminalOptions extends RunOptions {
  /** What is typed as soon as a text has appeared. */
  readonly types?: readonly (readonly [after: string, keys: string])[]
  readonly columns?: number
}

/** Runs it in a terminal of 80 columns. @returns all that appeared there as `out` */
export function runInTerminal(
  args: readonly string[],
  { folder, env, types = [], columns = 80 }: TerminalOptions,
): Promise<Ran> {
  const program = [process.execPath, '--import', tsx, main, ...args].map(quoted).join(' ')
  const line = `stty cols ${columns} rows 24; exec ${program}`
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: folder,
    // Nobody sits before a terminal of CI: there are no colours there.
    env: plainEnvironment({ TERM: 'xterm-256color', SHELL: '/bin/sh', CI: undefined, ...env }),
  })
  const waiting = [...types]
  let seen = ''
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
    const [next] = waiting
    if (next === undefined || !seen.includes(next[0])) return
    waiting.shift()
    seen = ''
    child.stdin.write(next[1])
  })
  return ended(child)
}

/** What the sequences begin with that colour a text, or move the cursor. */
export const escape = '\u001b'
const sequence = new RegExp(`${escape}?\\[[\\d;?]*[A-Za-z]|${escape}[78]`, 'g')

/** The lines that a terminal shows at the end: without colours, and without what was overwritten. */
export function shownLines(out: string): string[] {
  return out
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .map((line) => line.slice(line.lastIndexOf(`${escape}[2K`) + 1))
    .map((line) => line.replaceAll(sequence, ''))
}

// A runner of tests, or of CI, may want colours, or none, of everything below it.
function plainEnvironment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const {
    FORCE_COLOR: _,
    NO_COLOR: __,
    NODE_OPTIONS: ___,
    UNDICI_CACHE: ____,
    ...rest
  } = process.env
  return { ...rest, ...env }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function ended(child: ChildProcess): Promise<Ran> {
  const chunks: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] }
  child.stdout?.on('data', (chunk: Buffer) => chunks.out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => chunks.err.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const text = (part: Buffer[]): string => Buffer.concat(part).toString()
      resolve({ code, signal, out: text(chunks.out), err: text(chunks.err) })
    })
  })
}
