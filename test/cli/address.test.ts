import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isAddress, readAddress, withoutPasswords, type Address } from '../../lib/cli/address.ts'

const addresses: Readonly<Record<string, Partial<Address>>> = {
  'sqlite:my_cache': { backend: 'sqlite', cacheName: 'my_cache' },
  'sqlite:a/b.db': { backend: 'sqlite', cacheName: 'a/b.db' },
  'sqlite:/var/a.db': { cacheName: '/var/a.db' },
  'sqlite:///var/a.db': { cacheName: '/var/a.db' },
  'sqlite://a/b.db': { cacheName: 'a/b.db' },
  'SQLite:~/a': { backend: 'sqlite', cacheName: '~/a' },
  'sqlite:a%3Fb%20c': { cacheName: 'a?b c' },
  'sqlite:100%': { cacheName: '100%' },
  'sqlite://me@home/x': { cacheName: 'me@home/x' },
  'file:dump?serializer=json&compress=zstd&encrypt=KEY': {
    backend: 'filesystem',
    cacheName: 'dump',
    serializer: [
      { kind: 'serializer', value: 'json' },
      { kind: 'compress', value: 'zstd' },
      { kind: 'encrypt', value: 'KEY' },
    ],
  },
  'redis:': { backend: 'redis', cacheName: 'http_cache', options: {} },
  'redis:my_app': { backend: 'redis', cacheName: 'my_app', options: {} },
  'redis://h': { cacheName: 'http_cache', options: { host: 'h', port: 6379 } },
  'redis://u:p%40q@h:80/3?namespace=my%20app': {
    cacheName: 'my app',
    options: { host: 'h', port: 80, db: 3, username: 'u', password: 'p@q' },
  },
  'rediss://:p@[::1]:7/': { options: { host: '::1', port: 7, password: 'p', tls: {} } },
  'redis-cluster://a,b:7001?namespace=x': {
    backend: 'redis',
    cacheName: 'x',
    options: {
      cluster: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7001 },
      ],
    },
  },
  'rediss-cluster://u:p@a': {
    options: { username: 'u', password: 'p', tls: {}, cluster: [{ host: 'a', port: 6379 }] },
  },
  'redis-sentinel://a,b:1/main?namespace=x': {
    cacheName: 'x',
    options: {
      name: 'main',
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
      ],
    },
  },
  'mongodb:my_app': { backend: 'mongodb', cacheName: 'my_app', options: {} },
  'mongodb://a:1,b:2/my_app?replicaSet=x&tls=true': {
    cacheName: 'my_app',
    options: { url: 'mongodb://a:1,b:2/my_app?replicaSet=x&tls=true' },
  },
  'mongodb+srv://u:p@h': { cacheName: 'http_cache', options: { url: 'mongodb+srv://u:p@h/' } },
  'mongodb://u:p@h/x?w=1&serializer=bson&tls=true&encrypt=K': {
    options: { url: 'mongodb://u:p@h/x?w=1&tls=true' },
    serializer: [
      { kind: 'serializer', value: 'bson' },
      { kind: 'encrypt', value: 'K' },
    ],
  },
  'gridfs+mongodb://h/x': { backend: 'gridfs', options: { url: 'mongodb://h/x' } },
  'gridfs://h/x': { backend: 'gridfs', cacheName: 'x', options: { url: 'mongodb://h/x' } },
  'gridfs+mongodb+srv://h/x': { backend: 'gridfs', options: { url: 'mongodb+srv://h/x' } },
  'gridfs:x': { backend: 'gridfs', cacheName: 'x', options: {} },
  'dynamodb:t?region=eu-central-1&endpoint=http://127.0.0.1:8000&profile=me': {
    backend: 'dynamodb',
    cacheName: 't',
    options: { region: 'eu-central-1', endpoint: 'http://127.0.0.1:8000', profile: 'me' },
  },
  'redis://h/0?sign=K&namespace=x': {
    cacheName: 'x',
    serializer: [{ kind: 'sign', value: 'K' }],
  },
  'dynamodb://t': { backend: 'dynamodb', cacheName: 't' },
}

describe('an address', () => {
  for (const [text, expected] of Object.entries(addresses)) {
    test(text, () => {
      assert.ok(isAddress(text))
      const address = readAddress(text)
      const named = Object.keys(expected) as (keyof Address)[]
      const part = Object.fromEntries(named.map((name) => [name, address[name]]))
      assert.deepEqual(part, expected)
    })
  }

  test('is told from URLs, patterns, keys and paths', () => {
    const others = [
      'https://example.com/',
      'HTTP://example.com/',
      'example.com/*',
      'localhost:3000/api',
      'localhost:3000',
      '*.json',
      'C:\\session.har',
      './x.har',
      '-',
      'hX2335s3QOeuB0IxSK4-tvxJC8BcMoOclHvD0jyrpRU',
    ]
    for (const text of others) assert.ok(!isAddress(text), text)
  })

  test('that is misspelled is taken for one, and refused with the nearest', () => {
    for (const [text, nearest] of [
      ['sqlit:a', 'sqlite:a'],
      ['rediss-clustr://a', 'rediss-cluster://a'],
      ['mongo://a/b', 'mongodb://a/b'],
      ['dynamo:t', 'dynamodb:t'],
      ['files:a', 'file:a'],
    ] as const) {
      assert.ok(isAddress(text), text)
      assert.throws(() => readAddress(text), {
        name: 'TypeError',
        code: 'ERR_CACHE_OPTION_INVALID',
        message: new RegExp(`'${text}' is no address of a cache; did you mean '${nearest}'`),
      })
    }
  })

  test('does not show its password', () => {
    const shown = {
      'redis://u:pw@h/0': 'redis://u:***@h/0',
      'redis://:p/w@x@h/0': 'redis://:***@h/0',
      'redis://token@h/0': 'redis://***@h/0',
      'mongodb://u:p@a,b/x?tlsCertificateKeyFilePassword=pw&w=1':
        'mongodb://u:***@a,b/x?tlsCertificateKeyFilePassword=***&w=1',
      'sqlite:me@home': 'sqlite:me@home',
    }
    for (const [text, expected] of Object.entries(shown)) {
      assert.equal(readAddress(text).shown, expected)
    }
    assert.equal(
      withoutPasswords("cannot reach 'redis://u:pw@h:1' nor redis://v:pw@i:2"),
      "cannot reach 'redis://u:***@h:1' nor redis://v:***@i:2",
    )
  })
})
