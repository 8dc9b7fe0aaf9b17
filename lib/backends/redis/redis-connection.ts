/** How the storages in Redis ask, through a client of ours or somebody else's. */
import { torn } from '../../storage/frame.ts'
import { prepared } from '../../storage/prepared.ts'
import type { PendingOperations } from '../../storage/pending-operations.ts'
import { WriteQueue } from '../../storage/write-queue.ts'
import { nextTick } from '../../timers.ts'

/** The part of ioredis that is used here, of `Redis` and `Cluster` alike. */
export interface RedisClient {
  getBuffer(key: string): Promise<Buffer | null>
  getrangeBuffer(key: string, start: number, end: number): Promise<Buffer>
  set(key: string, value: Buffer): Promise<unknown>
  set(key: string, value: Buffer, mode: 'PX', after: string): Promise<unknown>
  unlink(key: string): Promise<number>
  exists(key: string): Promise<number>
  scan(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    keys: number,
  ): Promise<[cursor: string, keys: string[]]>
  hmgetBuffer(key: string, ...fields: string[]): Promise<(Buffer | null)[]>
  hkeys(key: string): Promise<string[]>
  hdel(key: string, ...fields: string[]): Promise<number>
  select(db: number): Promise<unknown>
  eval(script: string, keyCount: number, ...parameters: (string | Buffer)[]): Promise<unknown>
  /** Of a Cluster only, and so is the next. */
  nodes?(role: 'master'): RedisClient[]
  refreshSlotsCache?(done: (error?: Error | null) => void): void
  readonly options?: RedisClientOptions | undefined
}

/** What counts of a client's own options. */
export interface RedisClientOptions {
  keyPrefix?: string | undefined
  redisOptions?: { keyPrefix?: string | undefined } | undefined
}

/** A client that we have made ourselves. */
export interface OwnRedisClient extends RedisClient {
  readonly status: string
  readonly options: RedisClientOptions & {
    enableAutoPipelining?: boolean | undefined
    readonly db?: number | undefined
  }
  /** The socket; missing before the first connection, and of a Cluster. */
  readonly stream?: { cork(): void; uncork(): void } | undefined
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready', listener: () => void): unknown
  disconnect(): void
}

/** Runs one command on the client, or on one of its nodes. */
export type Ask = <T>(command: (client: RedisClient) => Promise<T>) => Promise<T>

/** Runs one command that takes so many bytes to the server, when it is its turn. */
export type Write = <T>(bytes: number, command: (client: RedisClient) => Promise<T>) => Promise<T>

/** Both ways to a server: what is read does not wait behind what is written. */
export interface RedisLink {
  readonly ask: Ask
  readonly write: Write
}

// A part of a body at a time on a shared connection, where whatever else is asked waits behind it; on one
// of its own, as many as keep it busy.
const writesAtOnce = 1_000
const [sharedBytesAtOnce, ownBytesAtOnce] = [2 ** 20, 4 * 2 ** 20]

/**
 * Asks nothing before it is known that there is the database: the driver goes on in database 0 where the
 * server has refused another one.
 */
export function inDatabase(ask: Ask, db: number | undefined): Ask {
  if (db === undefined || db === 0) return ask
  const selected = prepared(() => ask((client) => client.select(db)))
  return async (command) => {
    await selected()
    return ask(command)
  }
}

/** Both ways. @param askToWrite by another client, where there is one for what is written */
export function linkOf(ask: Ask, askToWrite?: Ask): RedisLink {
  const bytesAtOnce = askToWrite === undefined ? sharedBytesAtOnce : ownBytesAtOnce
  const queue = new WriteQueue('Redis', { atOnce: writesAtOnce, bytesAtOnce })
  return { ask, write: (bytes, command) => queue.write(bytes, () => (askToWrite ?? ask)(command)) }
}

/** Asks a client that is somebody else's: what it does about outages is its own affair. */
export function asking(client: RedisClient, waiting: PendingOperations): Ask {
  return (command) =>
    waiting.for(async () => {
      try {
        return await command(client)
      } catch (error) {
        // Somebody has put a list there, or a set: it is no record of ours.
        const isForeign = (error as Error).message.includes('WRONGTYPE ')
        throw isForeign ? torn() : withoutArguments(error)
      }
    })
}

/** Asks a client of ours: nothing, while it is known that there is no server. */
export function askingOwn(client: OwnRedisClient, waiting: PendingOperations): Ask {
  client.on('error', (error) => {
    // A connection that is lost is made anew at once; where none can be made that takes a while.
    if (client.status !== 'ready' && !isEmptyRound(error)) waiting.refuse(reasonOf(error))
  })
  client.on('ready', () => waiting.accept())
  const ask = asking(client, waiting)
  if (client.nodes === undefined) return together(client, ask)
  return (command) =>
    ask((cluster) =>
      command(cluster).catch((error: unknown) => {
        if (!isAstray(error)) throw error
        return alone(client, command)
      }),
    )
}

/**
 * Writes what is asked in one turn of the loop at once. The driver's way to do that takes another turn
 * for each, and keeps what is asked meanwhile waiting until all of it is answered.
 */
function together(client: OwnRedisClient, ask: Ask): Ask {
  let corked = false
  return (command) => {
    const { stream } = client
    if (!corked && stream !== undefined) {
      corked = true
      stream.cork()
      nextTick(() => {
        corked = false
        stream.uncork()
      })
    }
    return ask(command)
  }
}

// The driver goes on where it last was in its list of Sentinels, and complains at the end of it that
// it has reached none, also where it has asked none.
function isEmptyRound({ message }: Error): boolean {
  return message.startsWith('All sentinels are unreachable') && !message.includes('Last error')
}

// Where slots move, the driver sends the commands that it has put together to a node that has but
// some of the keys, and gives up; and so it does where a connection was lost.
function isAstray(error: unknown): boolean {
  const { message } = error as Error
  return /^(MOVED|ASK) |^All keys in the pipeline |^Connection is closed/.test(message)
}

/** A command that is not put together with others finds its way. */
function alone<T>(
  client: OwnRedisClient,
  command: (client: RedisClient) => Promise<T>,
): Promise<T> {
  const { options } = client
  const { enableAutoPipelining } = options
  options.enableAutoPipelining = false
  try {
    return command(client)
  } finally {
    options.enableAutoPipelining = enableAutoPipelining
  }
}

/** What the client itself puts before each key. */
export function keyPrefixOf({ options }: RedisClient): string {
  return options?.keyPrefix ?? options?.redisOptions?.keyPrefix ?? ''
}

/** Every node that holds keys, of which a client that is no Cluster has one: itself. */
export async function mastersOf(ask: Ask, anyKey: string): Promise<RedisClient[]> {
  const known = await ask(async (client) => client.nodes?.('master') ?? [client])
  // A Cluster knows none before it is used. The node that has this key may be the one that is away.
  const used = async (): Promise<unknown> => ask((client) => client.exists(anyKey))
  const failed = known.length > 0 ? undefined : await used().then(none, asError)
  return ask(async (client) => {
    if (client.nodes === undefined) return [client]
    // It forgets one that it has lost until it looks anew.
    await new Promise<void>((resolve, reject) => {
      client.refreshSlotsCache?.((error) => (error ? reject(reasonOf(error)) : resolve()))
    })
    const masters = client.nodes('master')
    if (masters.length === 0 && failed !== undefined) throw failed
    return masters
  })
}

function none(): undefined {}

function asError(error: unknown): Error {
  return error as Error
}

// Where several were tried, the driver's own error does not say what was wrong with them.
function reasonOf(error: Error & { lastNodeError?: Error; errors?: Error[] }): Error {
  return withoutArguments(error.lastNodeError ?? error.errors?.at(-1) ?? error)
}

// The driver's errors have the command with them: its arguments are a password, or a body.
function withoutArguments<T>(error: T): T {
  const { command } = error as { command?: { args?: unknown } }
  if (command !== undefined) delete command.args
  return error
}
