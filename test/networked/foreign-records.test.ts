/** What others have put where records are: told of by its key, replaced, and in nobody's way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DynamoDBClient, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import { Long, MongoClient } from 'mongodb'
import { localDynamo } from './backend-names.ts'
import { describeBackends } from './open-caches.ts'

const body = Buffer.from('body')
const ours = { head: 'our head', body }
const corrupt = { code: 'ERR_CACHE_ENTRY_CORRUPT' }

/** By their keys; nothing of these is as it should be. */
type Foreign<Value> = Readonly<Record<string, Readonly<Record<string, Value>>>>

const headless: Foreign<unknown> = {
  empty: {},
  'no head': { body, file: null, bodyBytes: 0, expiresAt: new Date(Date.now() + 3_600_000) },
  'a number for a head': { head: 1, body, file: null, bodyBytes: 0, expiresAt: 'later' },
  'a pattern for a file': { head: /head/, body: /./, file: /./, bodyBytes: 0 },
}
const bodiless: Readonly<Record<'mongodb' | 'gridfs', Foreign<unknown>>> = {
  mongodb: { 'no body': { head: 'head' }, 'a text for a body': { head: 'head', body: 'text' } },
  gridfs: {
    'no file': { head: 'head', bodyBytes: 4 },
    'no such file': { head: 'head', file: 'none', bodyBytes: 4 },
    'a number for a file': {
      head: 'head',
      file: Long.fromString('9007199254740993'),
      bodyBytes: 4,
    },
  },
}
const headlessItems: Foreign<AttributeValue> = {
  empty: {},
  'no head': { body: { B: body }, expiresAt: { N: '4102444800000' } },
  'a number for a head': { head: { N: '1' }, body: { B: body }, expiresAt: { S: 'later' } },
}
const bodilessItems: Foreign<AttributeValue> = {
  'no body': { head: { S: 'head' } },
  'a text for a body': { head: { S: 'head' }, body: { S: 'text' } },
}

await describeBackends(
  ['mongodb', 'gridfs', 'dynamodb'],
  ({ name, url, prefix, server, openFor }) => {
    test('records of others are unreadable, and can be replaced and deleted', async (t) => {
      const cacheName = `${prefix}foreign`
      const cache = openFor(t, cacheName)
      const { responses } = cache
      await responses.set('ours', ours)
      const put = (): Promise<Keys> =>
        name === 'dynamodb'
          ? putItems(url, cacheName)
          : putDocuments(url, cacheName, name as 'mongodb' | 'gridfs')
      const [withoutHead, withoutBody] = await put()
      const foreign = [...withoutHead, ...withoutBody]

      for (const key of foreign) await assert.rejects(async () => responses.get(key), corrupt, key)
      assert.deepEqual(
        (await Array.fromAsync(responses.keys())).toSorted(),
        [...foreign, 'ours'].toSorted(),
      )
      const listed = new Set<string>()
      for await (const found of responses.heads()) {
        listed.add(found.key)
        if (withoutHead.includes(found.key)) assert.throws(() => found.head, corrupt, found.key)
        else assert.equal(found.head, found.key === 'ours' ? ours.head : 'head')
        assert.ok(found.expiresAt === undefined || found.expiresAt > Date.now(), found.key)
      }
      assert.equal(listed.size, foreign.length + 1)
      // Nothing of it is an entry but to its key, our own neither.
      assert.equal((await cache.stats()).unreadable, listed.size)
      assert.equal(await responses.deleteExpired(Date.now(), 100), 0)

      for (const key of foreign) {
        assert.equal(await responses.replaceHead(key, 'another head', ours), false, key)
        await responses.set(key, ours)
        assert.deepEqual(Buffer.from((await responses.get(key))!.body), body, key)
      }
      await put()
      const [first, ...others] = foreign
      assert.equal(await responses.delete(first!), true)
      assert.equal(await responses.deleteMany(foreign), others.length)
      assert.deepEqual(await Array.fromAsync(responses.keys()), ['ours'])
      await responses.clear()
      assert.equal(await responses.size(), 0)
      // The files of ours that others have taken the heads of are swept after an hour.
      const left = await server.records(cacheName)
      assert.ok(name === 'gridfs' || left.length === 0)
    })
  },
)

type Keys = readonly [withoutHead: string[], withoutBody: string[]]

async function putDocuments(
  url: string,
  cacheName: string,
  name: 'mongodb' | 'gridfs',
): Promise<Keys> {
  const client = new MongoClient(url)
  const collection = client
    .db(cacheName)
    .collection<{ _id: string }>(name === 'mongodb' ? 'responses' : 'responses.heads')
  for (const [key, document] of Object.entries({ ...headless, ...bodiless[name] })) {
    await collection.replaceOne({ _id: key }, document, { upsert: true })
  }
  await client.close()
  return [Object.keys(headless), Object.keys(bodiless[name])]
}

async function putItems(endpoint: string, TableName: string): Promise<Keys> {
  const client = new DynamoDBClient({ ...localDynamo, endpoint })
  for (const [key, item] of Object.entries({ ...headlessItems, ...bodilessItems })) {
    const Item = { key: { S: `responses:${key}` }, ...item }
    await client.send(new PutItemCommand({ TableName, Item }))
  }
  client.destroy()
  return [Object.keys(headlessItems), Object.keys(bodilessItems)]
}
