/** What DynamoDB refuses at the start costs what it has to: a table that is there is used. */
import assert from 'node:assert/strict'
import { after, describe, test, type TestContext } from 'node:test'
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { DynamoDbClient } from '../../lib/backends/dynamodb/dynamodb-table.ts'
import { DynamoDbCache } from '../../lib/backends/dynamodb/dynamodb-cache.ts'
import { localDynamo } from './backend-names.ts'
import { findServer } from './servers.ts'

const { url, skip } = await findServer('dynamodb')
const run = `start-${process.pid}-${Date.now()}`
const record = { head: 'head', body: Buffer.from('body'), expiresAt: Date.now() + 3_600_000 }

interface Command {
  readonly input: { TableName?: string }
}

/** The real one, which has another answer to some commands, and says what it was asked. */
function refusing(client: DynamoDBClient, refusals: Readonly<Record<string, string>>) {
  const asked: string[] = []
  const connection = {
    config: client.config,
    send: async (command: Command, options: object) => {
      const name = command.constructor.name.replace(/Command$/, '')
      asked.push(name)
      const refusal = refusals[name]
      if (refusal !== undefined) throw Object.assign(new Error(refusal), { name: refusal })
      return client.send(command as never, options)
    },
    destroy: () => {},
  }
  return { asked, connection: connection as unknown as DynamoDbClient }
}

describe('dynamodb', { skip }, () => {
  const client = new DynamoDBClient({ ...localDynamo, endpoint: url })
  const tables: string[] = []
  after(async () => {
    for (const TableName of tables) await client.send(new DeleteTableCommand({ TableName }))
    client.destroy()
  })
  const newTable = async (key = 'key'): Promise<string> => {
    const TableName = `${run}-${tables.length}`
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      }),
    )
    tables.push(TableName)
    return TableName
  }
  const warningsOf = (t: TestContext): string[] => {
    const warnings: string[] = []
    t.mock.method(process, 'emitWarning', (warning: string) => warnings.push(warning))
    return warnings
  }

  for (const refusal of ['ThrottlingException', 'LimitExceededException', 'InternalServerError']) {
    test(`its TTL fails (${refusal}): one warning, asked once, and all is stored`, async (t) => {
      const warnings = warningsOf(t)
      const { asked, connection } = refusing(client, { UpdateTimeToLive: refusal })
      const cache = new DynamoDbCache(await newTable(), { connection })
      for (const key of ['a', 'b', 'c']) {
        await cache.responses.set(key, record)
        assert.equal(await cache.responses.has(key), true)
      }
      assert.equal(warnings.length, 1)
      assert.match(warnings[0]!, new RegExp(`TTL is not switched on .*${refusal}`))
      assert.equal(asked.filter((name) => name === 'UpdateTimeToLive').length, 1)
      await cache.close()
    })
  }

  test('nobody may describe the table: it is used, and not asked about', async () => {
    const { asked, connection } = refusing(client, { DescribeTable: 'AccessDeniedException' })
    const cache = new DynamoDbCache(await newTable(), { connection })
    assert.equal(await cache.responses.get('a'), undefined)
    assert.deepEqual(asked, ['GetItem'], 'who only reads asks for nothing else')
    await cache.responses.set('a', record)
    assert.equal((await cache.responses.get('a'))?.head, 'head')
    assert.ok(!asked.includes('DescribeTable'))
    await cache.close()
  })

  test('a table with another key is refused, whatever is asked first', async () => {
    const table = await newTable('id')
    for (const ask of ['get', 'set'] as const) {
      const { connection } = refusing(client, {})
      const { responses } = new DynamoDbCache(table, { connection })
      await assert.rejects(async () => responses[ask]('a', record), {
        code: 'ERR_CACHE_TABLE_FOREIGN',
      })
    }
  })

  test('one that goes is made again', async () => {
    const { connection } = refusing(client, {})
    const table = await newTable()
    const cache = new DynamoDbCache(table, { connection })
    for (let round = 0; round < 3; round++) {
      await cache.responses.set('a', record)
      assert.equal((await cache.responses.get('a'))?.head, 'head')
      await client.send(new DeleteTableCommand({ TableName: table }))
      assert.equal(await cache.responses.get('a'), undefined)
    }
  })
})
