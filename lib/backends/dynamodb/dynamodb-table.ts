/** The table of a DynamoDB cache: seen to be ours, or made, before it is used for the first time. */
import { CacheError } from '../../errors.ts'
import type { PendingOperations } from '../../storage/pending-operations.ts'
import { prepared } from '../../storage/prepared.ts'
import { sleep } from '../../timers.ts'

/** The part of the SDK that is used here. */
export interface DynamoDbDriver {
  readonly DynamoDBClient: new (options: object) => DynamoDbClient
  readonly [command: string]: unknown
}

/** A `DynamoDBClient`, as far as it is used here. */
export interface DynamoDbClient {
  send(command: unknown, options?: { abortSignal: AbortSignal }): Promise<unknown>
  /** What the SDK learns of the server's clock where it is minutes apart from ours. */
  readonly config?: { readonly systemClockOffset?: number | undefined } | undefined
  destroy(): void
}

/** Sends one request: the command's name without "Command", and its input, or what makes it when it is sent. */
export type Send = <T = unknown>(name: string, input: object | (() => object)) => Promise<T>

/** Sends by way of a client; each request ends when it is not waited for any longer. */
export function sending(
  driver: DynamoDbDriver,
  client: DynamoDbClient,
  waiting: PendingOperations,
): Send {
  return <T>(name: string, input: object | (() => object)): Promise<T> => {
    const Command = driver[`${name}Command`] as new (given: object) => object
    const controller = new AbortController()
    return waiting.for(
      async () =>
        (await client.send(new Command(inputOf(input)), { abortSignal: controller.signal })) as T,
      () => controller.abort(),
    )
  }
}

function inputOf(input: object | (() => object)): object {
  return typeof input === 'function' ? (input as () => object)() : input
}

interface TableDescription {
  readonly Table: {
    readonly TableStatus: string
    readonly KeySchema: readonly { AttributeName: string; KeyType: string }[]
    readonly AttributeDefinitions: readonly { AttributeName: string; AttributeType: string }[]
  }
}

/** What every item has: the storage and the key as one partition key, which spreads. */
export const keyAttribute = 'key'
/** Seconds, as DynamoDB's TTL wants them. */
export const ttlAttribute = 'ttl'

const pollEvery = 200

/**
 * Sends to a table that is used as if it was there. Only where it is not, it is looked at and made;
 * only where it takes no item of ours, its key is. What fails of that ends this request and no other.
 * @throws CacheError ERR_CACHE_TABLE_FOREIGN where the table has another key
 */
export function sendingTo(send: Send, table: string, create: boolean): Send {
  const make = (): Promise<void> => readyTable(send, table, create)
  let made = prepared(make)
  // Before the first item that may expire, and not for those who only read.
  const ttl = prepared(() => enableTtl(send, table))
  return async (name, input) => {
    if (create && writes.has(name)) await ttl()
    const used = made
    for (let attempt = 0; ; attempt++) {
      try {
        return await send(name, input)
      } catch (error) {
        const reason = nameOf(error)
        if (reason === 'ValidationException') await checkKey(send, table)
        if (reason !== 'ResourceNotFoundException' || attempt === 2) throw error
        // It was there once. Others may have seen first that it has gone, and be at it.
        if (attempt === 1 && made === used) made = prepared(make)
        await made()
      }
    }
  }
}

const writes: ReadonlySet<string> = new Set(['PutItem', 'UpdateItem', 'BatchWriteItem'])

async function readyTable(send: Send, table: string, create: boolean): Promise<void> {
  let description = await describe(send, table)
  if (description === undefined) {
    if (!create) throw new CacheError('ERR_CACHE_STORAGE_FAILED', `there is no table '${table}'`)
    await createTable(send, table)
    description = await describe(send, table)
  }
  while (description === undefined || description.Table.TableStatus === 'CREATING') {
    await sleep(pollEvery)
    description = await describe(send, table)
  }
  checkKeySchema(description, table)
  if (create) await enableTtl(send, table)
}

// Who may not look at it gets the error that the item has got.
async function checkKey(send: Send, table: string): Promise<void> {
  let description: TableDescription | undefined
  try {
    description = await describe(send, table)
  } catch {
    return
  }
  if (description !== undefined) checkKeySchema(description, table)
}

async function describe(send: Send, table: string): Promise<TableDescription | undefined> {
  try {
    return await send<TableDescription>('DescribeTable', { TableName: table })
  } catch (error) {
    if (nameOf(error) === 'ResourceNotFoundException') return undefined
    throw error
  }
}

async function createTable(send: Send, table: string): Promise<void> {
  try {
    await send('CreateTable', {
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: keyAttribute, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: keyAttribute, AttributeType: 'S' }],
    })
  } catch (error) {
    // Another process is making it.
    if (nameOf(error) !== 'ResourceInUseException') throw error
  }
}

function checkKeySchema({ Table }: TableDescription, table: string): void {
  const types = new Map(
    Table.AttributeDefinitions.map((each) => [each.AttributeName, each.AttributeType]),
  )
  const found = Table.KeySchema.map(
    ({ AttributeName, KeyType }) => `${AttributeName} ${types.get(AttributeName)} ${KeyType}`,
  ).join(', ')
  const ours = `${keyAttribute} S HASH`
  if (found === ours) return
  const message = `table '${table}' has the key schema '${found}', a cache needs '${ours}'; name another table as cacheName`
  throw new CacheError('ERR_CACHE_TABLE_FOREIGN', message)
}

// The rest works without it: what has expired is not used, but stays.
async function enableTtl(send: Send, table: string): Promise<void> {
  const specification = { AttributeName: ttlAttribute, Enabled: true }
  try {
    await send('UpdateTimeToLive', { TableName: table, TimeToLiveSpecification: specification })
  } catch (error) {
    const { message } = error as Error
    // Switched on already, or being switched.
    if (nameOf(error) === 'ValidationException' && /already|multiple times/i.test(message)) return
    // There is no table yet, or nobody asks any more.
    if (nameOf(error) === 'ResourceNotFoundException' || error instanceof CacheError) return
    process.emitWarning(
      `DynamoDB's TTL is not switched on for table '${table}', what has expired stays: ${message}`,
      { type: 'CacheWarning' },
    )
  }
}

/** The SDK's name for an error; undefined where it has none. */
export function nameOf(error: unknown): string | undefined {
  return (error as { name?: string }).name
}
