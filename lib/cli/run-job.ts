/** Runs one command: its cache, its signals, and what it says when something goes wrong. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BaseCache } from '../cache/base-cache.ts'
import { invalidOption, isEntryError, misuse, type CacheErrorCode } from '../errors.ts'
import { defaultAddress, isAddress, readAddress, type Address } from './address.ts'
import { exitCodes, type Command, type ExitCode, type Job } from './command.ts'
import { explain } from './explain.ts'
import type { Access } from './open-cache.ts'
import { Output } from './output.ts'
import { ReaderGone, type Streams } from './streams.ts'

/** The options that every command has. */
export interface CommonOptions {
  readonly cache?: string
  readonly json?: boolean
}

// What a command may take to come to an end after it was interrupted.
const patience = 3_000
// A loop that is held up for longer hears no signal, and moves no progress bar.
const longestTurn = 20

/** @param given the arguments, the address among them */
export async function runJob(
  command: Command<object>,
  given: readonly string[],
  options: CommonOptions,
  { streams, lost }: { readonly streams: Streams; readonly lost: AbortSignal },
): Promise<ExitCode> {
  const ending = new AbortController()
  const signal = AbortSignal.any([ending.signal, lost])
  const output = new Output(options.json === true, streams, lost)
  const stopListening = listen(ending)
  const opened: BaseCache[] = []
  let about: string | undefined
  let unreadable = 0
  const count = (message: unknown): void => {
    if (isEntryError((message as { error: unknown }).error)) unreadable++
  }
  subscribe('undici-cache:error', count)
  try {
    const { address, operands } = readOperands(command, given, options.cache)
    if (command.namesCaches === undefined) about = address.shown
    return await untilEnded(
      command.run({
        operands,
        options,
        output,
        signal,
        address,
        async open(access: Access, which: Address = address) {
          // Drivers, storages and undici itself, which a page of help does not need.
          const { openCache } = await import('./open-cache.ts')
          const cache = await openCache(which, access)
          opened.push(cache)
          return cache
        },
        unreadable: () => unreadable,
        pause: pauses(signal),
      } satisfies Job<object>),
      signal,
    )
  } catch (error) {
    if (lost.aborted) {
      if (lost.reason instanceof ReaderGone) return exitCodes.done
      return exitCodes.failed
    }
    if (ending.signal.aborted) {
      output.say('interrupted')
      return exitCodes.interrupted
    }
    return explain(streams.stderr, error, command.name, about)
  } finally {
    unsubscribe('undici-cache:error', count)
    await Promise.allSettled(opened.map((cache) => cache.close()))
    stopListening()
  }
}

function readOperands(
  { name, operands, namesCaches }: Command<object>,
  given: readonly string[],
  option: string | undefined,
): { address: Address; operands: readonly string[] } {
  const first = given[0]
  const leads = namesCaches === undefined && first !== undefined && isAddress(first)
  if (leads && option !== undefined) {
    const message = `'${name}' works on one cache: '${first}' and --cache are two`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  if (namesCaches && option !== undefined) {
    const names = operands.map((each) => each.name).join(' and ')
    throw misuse('ERR_CACHE_OPTION_INVALID', `'${name}' takes ${names}, not --cache`)
  }
  const rest = leads ? given.slice(1) : given
  const least = operands.filter((each) => !each.optional).length
  const most = operands.some((each) => each.many) ? Infinity : operands.length
  if (rest.length < least) {
    const missing = operands[rest.length]!
    const message = `'${name}' needs ${missing.name}: ${missing.about}`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  if (rest.length > most) {
    const names = operands.map((each) => each.name).join(' and ') || 'nothing'
    const message = `'${name}' takes ${names} besides the address of a cache, got '${rest[most]}' as well`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  return { address: addressOf(leads ? first : option), operands: rest }
}

function addressOf(given: string | undefined): Address {
  // It may be what a variable of a shell says that is not set; another cache is not meant then.
  if (given === '') throw invalidOption('--cache', `an address such as ${defaultAddress}`, given)
  const fromVariable = process.env['UNDICI_CACHE'] ?? ''
  if (given !== undefined || fromVariable === '') return readAddress(given ?? defaultAddress)
  try {
    return readAddress(fromVariable)
  } catch (error) {
    const { message, code } = error as TypeError & { code: CacheErrorCode }
    throw misuse(code, `variable UNDICI_CACHE: ${message}`)
  }
}

/** Ends the work on a signal. */
function listen(ending: AbortController): () => void {
  const interrupt = (): void => {
    if (ending.signal.aborted) process.exit(exitCodes.interrupted)
    process.exitCode = exitCodes.interrupted
    ending.abort()
    setTimeout(() => process.exit(exitCodes.interrupted), patience).unref()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, interrupt)
  return () => {
    for (const signal of signals) process.off(signal, interrupt)
  }
}

/** The work, or the end of it, whichever comes first. */
async function untilEnded<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const ended = Promise.withResolvers<never>()
  const end = (): void => ended.reject(signal.reason as Error)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([work, ended.promise])
  } catch (error) {
    // It cleans up after itself, for a while.
    if (signal.aborted) await work.catch(() => {})
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function pauses(signal: AbortSignal): () => Promise<void> {
  let since = performance.now()
  return async () => {
    signal.throwIfAborted()
    if (performance.now() - since < longestTurn) return
    await nextTurn()
    since = performance.now()
    signal.throwIfAborted()
  }
}
