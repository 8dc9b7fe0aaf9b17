import assert from 'node:assert/strict'
import {
  completeRequest,
  readHead,
  type CacheRequest,
  type RequestOptions,
} from '../../lib/request/read-request.ts'

export interface Asked extends Partial<RequestOptions> {
  readonly bodyDigest?: string
  readonly customKey?: string
}

/** The request that these dispatch options make, `GET http://a.example/` where they do not say. */
export function requestOf({ bodyDigest, customKey, ...given }: Asked): CacheRequest {
  const options = { method: 'GET', origin: 'http://a.example', path: '/', ...given }
  const head = readHead(options)
  assert.ok(typeof head !== 'string', 'a request that is not left alone')
  return completeRequest(options, head, bodyDigest, customKey)
}
