/** Every serializer that there is, alone and in piles. */
import { randomBytes } from 'node:crypto'
import { compress } from '../../lib/serializers/compress.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import type { Serializer } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'

const key = randomBytes(32)

/** By what a test calls it. */
export const everySerializer: Readonly<Record<string, Serializer>> = {
  json: 'json',
  yaml: 'yaml',
  bson: 'bson',
  zstd: compress('zstd', { minBytes: 0 }),
  brotli: compress('brotli', { minBytes: 0 }),
  gzip: compress('gzip', { minBytes: 0 }),
  sign: sign('a secret'),
  encrypt: encrypt(key),
  'all of them': ['json', compress('brotli'), sign('a secret'), encrypt(key)],
}

/** What is tried on files, too, where each test takes ten times as long: all of them by night. */
export const serializersOfFiles: typeof everySerializer =
  process.env['CACHE_TEST_SLOW'] === '1'
    ? everySerializer
    : Object.fromEntries(
        Object.entries(everySerializer).filter(([name]) => !/zstd|brotli|gzip|sign/.test(name)),
      )
