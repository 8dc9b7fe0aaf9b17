/**
 * Compresses bodies, and leaves heads readable: what a body was compressed with, and how long it was,
 * stands before the head. A body that does not get smaller is stored as it is.
 */
import type { StoredRecord } from '../storage/base-storage.ts'
import { checkOptions, isBytes, isOneOf, type Rules } from '../check-options.ts'
import { invalidOption } from '../errors.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { codings, expand, shrink, type Coding } from './codings.ts'
import { corrupt } from './label.ts'
import type { Stage } from './stage.ts'

/** Options of `compress()`. */
export interface CompressOptions {
  /** How hard to try: `zstd` 1 to 22, default 3; `brotli` 0 to 11, default 5; `gzip` 1 to 9, default 6. */
  readonly level?: number | undefined
  /** Shorter bodies are stored as they are. Default 512. */
  readonly minBytes?: number | undefined
}

// A longer body is stored as it is; so no record can claim to have been longer.
const longest = 2 ** 26
// What arrives faster than it can be compressed is stored as it is, and does not pile up.
const mostWaiting = 2 ** 23

// By which coding, and the length before, or neither.
const line = /^(?:(zstd|brotli|gzip) ([1-9]\d{0,8})|as-is)\n/

interface Described {
  readonly head: string
  readonly line: string
  readonly coding: Coding | undefined
  readonly bodyBytes: number
}

/**
 * A stage that compresses bodies. Whatever it was told to compress with, it reads all of them.
 * @throws TypeError ERR_CACHE_OPTION_…
 */
export function compress(coding: Coding = 'zstd', options: CompressOptions = {}): Stage {
  const isCoding = isOneOf(...Object.keys(codings))
  if (!isCoding.test(coding)) throw invalidOption('coding', isCoding.expected, coding)
  checkOptions(options, rulesFor(coding), ' of compress()')
  const { level = codings[coding].defaultLevel, minBytes = 512 } = options
  let waiting = 0

  const shrunk = (body: Uint8Array): MaybePromise<Uint8Array> => {
    const { byteLength } = body
    if (byteLength < minBytes || byteLength > longest) return body
    if (waiting + byteLength > mostWaiting) return body
    const smaller = shrink(body, coding, level)
    if (!isPromise(smaller)) return smaller
    waiting += byteLength
    return smaller.finally(() => (waiting -= byteLength))
  }

  return {
    name: 'compress',
    encode: (_key, { head, body }) =>
      chain(shrunk(body), (stored): StoredRecord => {
        if (stored.byteLength >= body.byteLength) return { head: `as-is\n${head}`, body }
        return { head: `${coding} ${body.byteLength}\n${head}`, body: stored }
      }),
    decode(_key, { head: described, body: stored }) {
      const { head, coding: used, bodyBytes } = describedBy(described)
      if (used === undefined) return { head, body: stored }
      return chain(expand(stored, used, bodyBytes), (body) => ({ head, body }))
    },
    encodeHead: (_key, head, replaced) => describedBy(replaced).line + head,
    decodeHead: (_key, described) => describedBy(described).head,
  }
}

function describedBy(text: string): Described {
  const [first, coding, bodyBytes] = line.exec(text) ?? []
  if (first === undefined || Number(bodyBytes ?? 0) > longest) throw corrupt('how it is compressed')
  return {
    head: text.slice(first.length),
    line: first,
    coding: coding as Coding | undefined,
    bodyBytes: Number(bodyBytes),
  }
}

function rulesFor(coding: Coding): Rules<CompressOptions> {
  const { levels } = codings[coding]
  const [least, most] = levels
  return {
    level: {
      expected: `a whole number from ${least} to ${most}, for ${coding}`,
      test: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    },
    minBytes: isBytes,
  }
}
