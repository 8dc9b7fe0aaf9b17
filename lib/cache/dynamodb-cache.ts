import { DynamoDbStorage } from '../backends/dynamodb.ts'
import {
  readyTable,
  type DynamoDbClient,
  type DynamoDbDriver,
  type Send,
} from '../backends/dynamodb-table.ts'
import { loadDriver } from '../backends/load-driver.ts'
import { invalidOption } from '../errors.ts'
import { BaseCache } from './base-cache.ts'
import { cacheArguments, prepared } from './cache-arguments.ts'

/** Besides these, everything that `DynamoDBClient` itself takes: `region`, `endpoint`, … */
export interface DynamoDbCacheOptions {
  /** Name of the table. Default `http_cache`. */
  readonly cacheName?: string | undefined
  /** A `DynamoDBClient` that is ready; it is neither closed nor changed. */
  readonly connection?: DynamoDbClient | undefined
  /** Whether to make the table where there is none, and to switch its TTL on. Default true. */
  readonly createTable?: boolean | undefined
  /** Whether reads see every write that has ended; they cost twice as much. Default true. */
  readonly consistentRead?: boolean | undefined
  readonly [option: string]: unknown
}

/** A cache in DynamoDB: an item for each response. */
export class DynamoDbCache extends BaseCache {
  override readonly responses: DynamoDbStorage
  override readonly redirects: DynamoDbStorage
  readonly #own: DynamoDbClient | undefined

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where a table cannot have the name */
  constructor(cacheName?: string | DynamoDbCacheOptions, given?: DynamoDbCacheOptions) {
    super()
    const { cacheName: table, options } = cacheArguments(cacheName, given)
    const {
      connection,
      createTable = true,
      consistentRead = true,
      ...own
    } = options as DynamoDbCacheOptions
    if (!/^[\w.-]{3,255}$/.test(table)) {
      throw invalidOption('cacheName', 'a name for a table: 3 to 255 of a-z A-Z 0-9 _ - .', table)
    }
    const driver = loadDriver('dynamodb', '@aws-sdk/client-dynamodb') as DynamoDbDriver
    const client = connection ?? new driver.DynamoDBClient({ maxAttempts: 3, ...own })
    this.#own = connection === undefined ? client : undefined
    const send = sendWith(driver, client)
    const ready = prepared(() => readyTable(send, table, createTable))
    const sendWhenReady: Send = async (name, input) => {
      await ready()
      return send(name, input)
    }
    const open = (name: string): DynamoDbStorage =>
      new DynamoDbStorage(sendWhenReady, { table, name, consistentRead })
    this.responses = open('responses')
    this.redirects = open('redirects')
  }

  protected override async disconnect(): Promise<void> {
    this.#own?.destroy()
  }
}

function sendWith(driver: DynamoDbDriver, client: DynamoDbClient): Send {
  return async <T>(name: string, input: object): Promise<T> => {
    const Command = driver[`${name}Command`] as new (given: object) => object
    return (await client.send(new Command(input))) as T
  }
}
