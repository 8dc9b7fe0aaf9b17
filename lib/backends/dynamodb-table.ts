/** The table of a DynamoDB cache: seen to be ours, or made, before it is used for the first time. */
import { CacheError } from '../errors.ts'
import type { Waiting } from './waiting.ts'
import { sleep } from '../timers.ts'

/** The part of the SDK that is used here. */
export interface DynamoDbDriver {
  readonly DynamoDBClient: new (options: object) => DynamoDbClient
  readonly [command: string]: unknown
}

/** A `DynamoDBClient`, as far as it is used here. */
export interface DynamoDbClient {
  send(command: unknown, options?: { abortSignal: AbortSignal }): Promise<unknown>
  destroy(): void
}

/** Sends one request: the command's name without "Command", and its input. */
export type Send = <T = unknown>(name: string, input: object) => Promise<T>

/** Sends by way of a client; each request ends when it is not waited for any longer. */
export function sending(driver: DynamoDbDriver, client: DynamoDbClient, waiting: Waiting): Send {
  return <T>(name: string, input: object): Promise<T> => {
    const Command = driver[`${name}Command`] as new (given: object) => object
    const controller = new AbortController()
    return waiting.for(
      async () => (await client.send(new Command(input), { abortSignal: controller.signal })) as T,
      () => controller.abort(),
    )
  }
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

/** @throws CacheError ERR_CACHE_TABLE_FOREIGN where the table has another key */
export async function readyTable(send: Send, table: string, create: boolean): Promise<void> {
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

async function enableTtl(send: Send, table: string): Promise<void> {
  const specification = { AttributeName: ttlAttribute, Enabled: true }
  try {
    await send('UpdateTimeToLive', { TableName: table, TimeToLiveSpecification: specification })
  } catch (error) {
    const { message } = error as Error
    // Switched on already, or being switched.
    if (nameOf(error) === 'ValidationException' && /already|multiple times/i.test(message)) return
    // The rest works without it: what has expired is not used, but stays.
    if (!noTtl.has(nameOf(error) ?? '')) throw error
    process.emitWarning(
      `DynamoDB's TTL is not switched on for table '${table}', what has expired stays: ${message}`,
      { type: 'CacheWarning' },
    )
  }
}

// Not allowed, not there (as in some servers that speak its protocol), or on for another attribute.
const noTtl = new Set(['AccessDeniedException', 'UnknownOperationException', 'ValidationException'])

/** The SDK's name for an error; undefined where it has none. */
export function nameOf(error: unknown): string | undefined {
  return (error as { name?: string }).name
}
