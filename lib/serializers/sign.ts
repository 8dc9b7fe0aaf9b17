/**
 * Signs records, so that what somebody else has written into the storage is not believed. The
 * signature stands before the head, with the digest of the body: heads are verified, and signed
 * anew, without their bodies.
 *
 * What was signed once stays valid under its key: an older record that is put back is not noticed.
 */
import { createHmac, hash, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { StoredRecord } from '../storage/base-storage.ts'
import { CacheError } from '../errors.ts'
import { readPrevious, readSecret, type Secret } from './secrets.ts'
import type { Stage } from './stage.ts'

/** Options of `sign()`. */
export interface SignOptions {
  /** Secrets of before: what was signed with them is still believed, and nothing is any more. */
  readonly previousSecrets?: readonly Secret[] | undefined
}

interface Signed {
  readonly head: string
  readonly bodyDigest: string
}

// Digest of the body and signature, both base64url of 32 bytes.
const line = /^([\w-]{43}) ([\w-]{43})\n/

/**
 * A stage that signs records (HMAC with SHA-256) and refuses those that it has not signed.
 * @param secret a text, bytes or a `KeyObject`; whoever has it can sign, so it should be random
 * @throws TypeError ERR_CACHE_OPTION_INVALID
 */
export function sign(secret: Secret, options: SignOptions = {}): Stage {
  const own = readSecret('secret', secret)
  const all = [own, ...readPrevious(options, 'previousSecrets', ' of sign()', readSecret)]

  const write = (key: string, head: string, bodyDigest: string): string =>
    `${bodyDigest} ${macOf(own, key, head, bodyDigest)}\n${head}`

  const verify = (key: string, signed: string): Signed => {
    const [first, bodyDigest, mac] = line.exec(signed) ?? []
    if (first === undefined) throw invalid('its signature')
    const head = signed.slice(first.length)
    const valid = all.some((each) => isSame(mac!, macOf(each, key, head, bodyDigest!)))
    if (!valid) throw invalid('its signature')
    return { head, bodyDigest: bodyDigest! }
  }

  return {
    name: 'sign',
    encode(key, { head, body }): StoredRecord {
      return { head: write(key, head, digestOf(body)), body }
    },
    decode(key, { head: signed, body }): StoredRecord {
      const { head, bodyDigest } = verify(key, signed)
      if (digestOf(body) !== bodyDigest) throw invalid('the digest of its body')
      return { head, body }
    },
    encodeHead: (key, head, replaced) => write(key, head, verify(key, replaced).bodyDigest),
    decodeHead: (key, signed) => verify(key, signed).head,
  }
}

function digestOf(body: Uint8Array): string {
  return hash('sha256', body, 'base64url')
}

function macOf(secret: KeyObject, key: string, head: string, bodyDigest: string): string {
  // The length of the key tells where it ends; the digest is always as long.
  const text = `undici-cache sign 1\n${key.length} ${key}${bodyDigest}${head}`
  return createHmac('sha256', secret).update(text).digest('base64url')
}

// As texts, for there are several of them for the same bytes.
function isSame(given: string, mac: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(mac))
}

function invalid(what: string): CacheError {
  const message = `stored entry is not to be trusted: ${what} is wrong`
  return new CacheError('ERR_CACHE_SIGNATURE_INVALID', message)
}
