/** What may be written as `serializer`, and what is said of the rest. */
import assert from 'node:assert/strict'
import { createHmac, createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { registerHooks } from 'node:module'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { compress } from '../../lib/serializers/compress.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import { serialized, type Serializer } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'
import type { Stage } from '../../lib/serializers/stage.ts'

const secret = 'correct horse battery staple'

/** The message of the TypeError that it throws. */
function refusal(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error))
    assert.match((error as { code?: string } & Error).code!, /^ERR_CACHE_OPTION_/)
    return error.message
  }
  return assert.fail('nothing was thrown')
}

const identity: Stage = {
  name: 'identity',
  encode: (_key, record) => record,
  decode: (_key, record) => record,
}

describe('serializer', () => {
  test("'native', and none at all, leave a storage as it is", () => {
    const storage = new MemoryStorage()
    for (const serializer of [undefined, 'native', ['native']] as const) {
      assert.equal(serialized(storage, serializer), storage)
    }
  })

  test('every cache class takes it', (t) => {
    const opened = [
      new BaseCache({ serializer: 'json' }),
      new SQLiteCache(':memory:', { serializer: 'json' }),
    ]
    t.after(() => Promise.all(opened.map((cache) => cache.close())))
    for (const cache of opened) {
      assert.equal(cache.responses.constructor.name, 'SerializedStorage')
      assert.equal(cache.redirects.constructor.name, 'SerializedStorage')
    }
  })

  for (const [what, open] of [
    ['BaseCache', (serializer) => new BaseCache({ serializer })],
    ['SQLiteCache', (serializer) => new SQLiteCache(':memory:', { serializer })],
    ['FileCache', (serializer) => new FileCache('never made', { serializer })],
    ['serialized()', (serializer) => serialized(new MemoryStorage(), serializer)],
  ] as const satisfies readonly (readonly [string, (serializer: Serializer) => unknown])[]) {
    test(`${what}: what is no serializer is refused, with what is one`, () => {
      const wrong: readonly [unknown, RegExp][] = [
        ['jsno', /got 'jsno'; did you mean 'json'\?/],
        ['pickle', /got a text of 6 characters/],
        [[], /got an empty list/],
        [null, /got null/],
        [{}, /got an object without encode\(\) and decode\(\)/],
        [compress, /got a function/],
        [Buffer.from(secret), /got bytes/],
        [[compress(), 'json'], /got 'json' that is not the first/],
        [['json', 'yaml'], /got 'yaml' that is not the first/],
        [['json', secret], /got a string/],
        [{ ...identity, name: 'a b' }, /got a stage named 'a b'/],
        [{ ...identity, name: undefined }, /got a stage without a name/],
        [{ ...identity, encodeHead: () => '' }, /one of encodeHead\(\) and decodeHead\(\)/],
      ]
      for (const [serializer, message] of wrong) {
        const said = refusal(() => open(serializer as Serializer))
        assert.match(said, /'serializer' must be 'native', 'json', 'yaml', 'bson', a stage, or/)
        assert.match(said, message)
        assert.ok(!said.includes(secret))
      }
    })
  }

  test('a secret that was put where none belongs is not shown', () => {
    const key = randomBytes(32)
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const shown: string[] = [
      refusal(() => serialized(new MemoryStorage(), secret as never)),
      refusal(() => serialized(new MemoryStorage(), ['json', key] as never)),
      refusal(() => encrypt(secret)),
      refusal(() => encrypt(Buffer.from(secret))),
      refusal(() => encrypt(pem)),
      refusal(() => encrypt(createPrivateKey(pem))),
      refusal(() => encrypt(publicKey)),
      refusal(() => encrypt(key, { previousKeys: [secret] })),
      refusal(() => encrypt(key, { previousKeys: secret } as never)),
      refusal(() => encrypt(key, secret as never)),
      refusal(() => encrypt(key, [secret] as never)),
      refusal(() => encrypt(key.subarray(1))),
      refusal(() => sign('')),
      refusal(() => sign(undefined as never)),
      refusal(() => sign({ secret } as never)),
      refusal(() => sign(createHmac('sha256', secret) as never)),
      refusal(() => sign(privateKey)),
      refusal(() => sign(secret, [secret] as never)),
      refusal(() => sign(secret, { previousSecrets: secret } as never)),
      refusal(() => sign(secret, { previousSecrets: [secret, ''] })),
      refusal(() => sign(secret, { previousSecret: [secret] } as never)),
    ]
    const parts = [secret, key.toString('hex'), inspect(key).slice(8, 40), pem.slice(30, 60)]
    for (const message of shown) {
      for (const part of parts) assert.ok(!message.includes(part), message)
    }
    assert.match(shown[2]!, /'key' must be 32 bytes: .*, got a text of 28 characters$/)
    assert.match(shown[7]!, /'previousKeys\[0\]' must be 32 bytes/)
    assert.match(shown[20]!, /did you mean 'previousSecrets'/)
  })

  test('a stage shows no secret to whoever prints it', () => {
    const key = randomBytes(32)
    for (const stage of [sign(secret), encrypt(key)]) {
      const printed = inspect(stage, { depth: 5, showHidden: true })
      assert.ok(!printed.includes(secret) && !printed.includes(inspect(key).slice(8, 40)))
      assert.ok(!JSON.stringify(stage).includes(secret))
    }
  })

  for (const [name, driver] of [
    ['yaml', 'js-yaml'],
    ['bson', 'bson'],
  ] as const) {
    test(`'${name}' without its package says what to install`, (t) => {
      const hooks = registerHooks({
        resolve(specifier, context, next) {
          if (specifier === driver) {
            // As Node says it.
            throw Object.assign(new Error('not installed'), { code: 'MODULE_NOT_FOUND' })
          }
          return next(specifier, context)
        },
      })
      t.after(() => hooks.deregister())
      const expected = {
        name: 'CacheError',
        code: 'ERR_CACHE_DRIVER_MISSING',
        message: `serializer '${name}' needs ${driver}: npm install ${driver}`,
      }
      assert.throws(() => new SQLiteCache(':memory:', { serializer: name }), expected)
      assert.throws(() => serialized(new MemoryStorage(), name), expected)
    })
  }
})
