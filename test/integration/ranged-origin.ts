import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { ServerResponse } from 'node:http'
import { startOrigin, type Origin, type SeenRequest } from './origin.ts'

/** What an origin says of a long body, and whether it understands ranges. */
export interface Asset {
  body: Buffer
  headers?: Record<string, string>
  ranges?: 'understood' | 'ignored' | 'wrong' | 'refused'
  chunked?: boolean
  status?: number
  trailers?: Record<string, string>
  /** Cuts the answer short after so many bytes. */
  cutAfter?: number
}

/** An origin with one long body, which the test changes as it likes. */
export async function startAssetOrigin(t: TestContext, asset: Asset): Promise<Origin> {
  return startOrigin(t, (request, response) => answer(asset, request, response))
}

function answer(asset: Asset, request: SeenRequest, response: ServerResponse): void {
  const { headers = {}, ranges = 'understood', trailers, status = 200, cutAfter } = asset
  const coded = request.headers['accept-encoding'] === 'gzip'
  const body = coded ? gzipSync(asset.body, { level: 1 }) : asset.body
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (coded) response.setHeader('content-encoding', 'gzip')
  if (trailers !== undefined) response.setHeader('trailer', Object.keys(trailers).join())
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const from = Number(range?.[1])
  if (range !== null && ranges === 'refused') return void response.writeHead(416).end()
  const ifRange = request.headers['if-range']
  const same = ifRange === headers['etag'] || ifRange === headers['last-modified']
  if (range !== null && (ranges === 'wrong' || (ranges === 'understood' && same))) {
    const first = ranges === 'wrong' ? from + 1 : from
    response.setHeader('content-range', `bytes ${first}-${body.byteLength - 1}/${body.byteLength}`)
    return void response.writeHead(206).end(body.subarray(first))
  }
  if (asset.chunked !== true && trailers === undefined) {
    response.setHeader('content-length', body.byteLength)
  }
  response.writeHead(status)
  if (cutAfter !== undefined) {
    response.write(body.subarray(0, cutAfter), () => setImmediate(() => response.destroy()))
    return
  }
  response.write(body)
  if (trailers !== undefined) response.addTrailers(trailers)
  response.end()
}
