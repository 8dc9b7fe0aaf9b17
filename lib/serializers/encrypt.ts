/**
 * Encrypts records: head and body each on its own, so that heads are read, and replaced, without
 * their bodies. Either is bound to its place, the entry's key and head or body, and the body to its
 * head: nothing can be moved, mixed or changed without being noticed.
 *
 * Keys, which are digests of requests, expiries and lengths stay readable. What was encrypted once
 * stays valid under its key: an older record that is put back is not noticed.
 */
import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto'
import type { StoredRecord } from '../storage/base-storage.ts'
import { CacheError } from '../errors.ts'
import { readKey, readPrevious, type Secret } from './secrets.ts'
import type { Stage } from './stage.ts'

/** Options of `encrypt()`. */
export interface EncryptOptions {
  /** Keys of before: what was encrypted with them can still be read, and nothing is any more. */
  readonly previousKeys?: readonly Secret[] | undefined
}

const algorithm = 'aes-256-gcm'
// What NIST SP 800-38D recommends for nonces that are random.
const nonceBytes = 12
const tagBytes = 16

// The head begins with the tag of its body, by which it knows it again.
const bodyTagLength = Buffer.alloc(tagBytes).toString('base64url').length

type Part = 'head' | 'body'

/**
 * A stage that encrypts head and body (AES-256-GCM, a random nonce for each).
 * @param key 32 bytes: a Buffer, a `KeyObject`, or a text of hex or base64; from
 * `crypto.randomBytes(32)`, not a password
 * @throws TypeError ERR_CACHE_OPTION_INVALID
 */
export function encrypt(key: Secret, options: EncryptOptions = {}): Stage {
  const own = readKey('key', key)
  const all = [own, ...readPrevious(options, 'previousKeys', ' of encrypt()', readKey)]

  const writeHead = (entryKey: string, head: string, bodyTag: string): string =>
    seal(own, place('head', entryKey), Buffer.from(bodyTag + head)).toString('base64url')

  const readHead = (entryKey: string, sealed: string): { head: string; bodyTag: string } => {
    const bytes = Buffer.from(sealed, 'base64url')
    // There are several texts for the same bytes, and one that was written.
    if (bytes.toString('base64url') !== sealed) throw failed('it was changed')
    const text = open(all, place('head', entryKey), bytes).toString()
    return { bodyTag: text.slice(0, bodyTagLength), head: text.slice(bodyTagLength) }
  }

  return {
    name: 'encrypt',
    encode(entryKey, { head, body }): StoredRecord {
      const sealed = seal(own, place('body', entryKey), body)
      return { head: writeHead(entryKey, head, tagOf(sealed)), body: sealed }
    },
    decode(entryKey, { head: sealed, body }): StoredRecord {
      const { head, bodyTag } = readHead(entryKey, sealed)
      if (tagOf(body) !== bodyTag) throw failed('its body belongs to another head')
      return { head, body: open(all, place('body', entryKey), body) }
    },
    encodeHead: (entryKey, head, replaced) =>
      writeHead(entryKey, head, readHead(entryKey, replaced).bodyTag),
    decodeHead: (entryKey, sealed) => readHead(entryKey, sealed).head,
    maxBodyBytes: (limit) => limit - nonceBytes - tagBytes,
  }
}

function place(part: Part, entryKey: string): Buffer {
  return Buffer.from(`undici-cache encrypt 1 ${part}\n${entryKey}`)
}

function seal(key: KeyObject, associated: Buffer, plain: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(associated)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function open(keys: readonly KeyObject[], associated: Buffer, sealed: Uint8Array): Buffer {
  const end = sealed.byteLength - tagBytes
  if (end < nonceBytes) throw failed('it is too short')
  for (const key of keys) {
    const nonce = sealed.subarray(0, nonceBytes)
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(associated)
    decipher.setAuthTag(sealed.subarray(end))
    const plain = decipher.update(sealed.subarray(nonceBytes, end))
    try {
      decipher.final()
      return plain
    } catch {
      // Another key, or another text; which of them cannot be told.
    }
  }
  throw failed('another key, or it was changed')
}

function tagOf(sealed: Uint8Array): string {
  const tag = sealed.subarray(Math.max(0, sealed.byteLength - tagBytes))
  return Buffer.from(tag).toString('base64url')
}

function failed(why: string): CacheError {
  return new CacheError('ERR_CACHE_DECRYPT_FAILED', `stored entry cannot be decrypted: ${why}`)
}
