import assert from 'node:assert/strict'
import { readKeyRules, type KeyRules, type MatchOptions } from '../../lib/request/key-rules.ts'
import { keyBody } from '../../lib/request/normalize-body.ts'
import { completeRequest, readHead } from '../../lib/request/read-request.ts'
import type { CacheRequest, RequestOptions } from '../../lib/request/request.ts'

export interface Asked extends Partial<RequestOptions> {
  readonly bodyDigest?: string
  readonly customKey?: string
  /** Options of matching. */
  readonly match?: MatchOptions
}

/** Rules that there must be. */
export function rulesOf(match: MatchOptions): KeyRules {
  const rules = readKeyRules(match)
  assert.ok(rules !== undefined, 'options that say something')
  return rules
}

/** The request that these dispatch options make, `GET http://a.example/` where they do not say. */
export function requestOf({ bodyDigest, customKey, match = {}, ...given }: Asked): CacheRequest {
  const options = { method: 'GET', origin: 'http://a.example', path: '/', ...given }
  const rules = readKeyRules(match)
  const head = readHead(options, rules)
  assert.ok(typeof head !== 'string', 'a request that is not left alone')
  if (typeof given.body !== 'string') return completeRequest(options, head, bodyDigest, customKey)
  const content = Buffer.from(given.body)
  const body = keyBody(head.contentType, content, rules)
  return completeRequest(options, head, body.digest, customKey, { ...body, content })
}
