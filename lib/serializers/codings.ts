/**
 * Bytes made smaller, and back, by what Node itself brings. What takes long is done on another
 * thread; what is short is done at once, for the way to another thread takes longer.
 */
import { promisify } from 'node:util'
import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import type { MaybePromise } from '../maybe-promise.ts'
import { corrupt } from './label.ts'

/** What bodies can be compressed with. */
export type Coding = 'zstd' | 'brotli' | 'gzip'

type Options = Record<string, unknown>
type Transform = (bytes: Uint8Array, options: Options) => Promise<Buffer>
type TransformSync = (bytes: Uint8Array, options: Options) => Buffer

interface Codec {
  readonly levels: readonly [least: number, most: number]
  readonly defaultLevel: number
  /** Above it, even what is short takes long. */
  readonly quickLevel: number
  readonly at: (level: number) => Options
  readonly compress: Transform
  readonly compressSync: TransformSync
  readonly decompress: Transform
  readonly decompressSync: TransformSync
  /** From how many bytes on the loop would be held up: about a quarter of a millisecond. */
  readonly compressLater: number
  readonly decompressLater: number
}

const { ZSTD_c_compressionLevel: zstdLevel, BROTLI_PARAM_QUALITY: brotliLevel } = constants

/** How each of them is used. */
export const codings: Readonly<Record<Coding, Codec>> = {
  zstd: {
    levels: [1, 22],
    defaultLevel: 3,
    quickLevel: 9,
    at: (level) => ({ params: { [zstdLevel]: level } }),
    compress: promisify(zstdCompress),
    compressSync: zstdCompressSync,
    decompress: promisify(zstdDecompress),
    decompressSync: zstdDecompressSync,
    compressLater: 2 ** 16,
    decompressLater: 2 ** 18,
  },
  brotli: {
    levels: [0, 11],
    // The highest is the library's own default, and takes a second for a megabyte.
    defaultLevel: 5,
    quickLevel: 6,
    at: (level) => ({ params: { [brotliLevel]: level } }),
    compress: promisify(brotliCompress),
    compressSync: brotliCompressSync,
    decompress: promisify(brotliDecompress),
    decompressSync: brotliDecompressSync,
    compressLater: 2 ** 14,
    decompressLater: 2 ** 16,
  },
  gzip: {
    levels: [1, 9],
    defaultLevel: 6,
    quickLevel: 9,
    at: (level) => ({ level }),
    compress: promisify(gzip),
    compressSync: gzipSync,
    decompress: promisify(gunzip),
    decompressSync: gunzipSync,
    compressLater: 2 ** 14,
    decompressLater: 2 ** 16,
  },
}

const sampleBytes = 2 ** 11
const worthSampling = 2 ** 15
// What is coded already, as images and most responses are, does not get smaller a second time.
const promising = 0.95

/** The bytes compressed, or as they are where that is no use. */
export function shrink(bytes: Uint8Array, coding: Coding, level: number): MaybePromise<Uint8Array> {
  const codec = codings[coding]
  if (bytes.byteLength >= worthSampling && !isPromising(bytes)) return bytes
  const quick = level <= codec.quickLevel && bytes.byteLength < codec.compressLater
  return quick ? codec.compressSync(bytes, codec.at(level)) : codec.compress(bytes, codec.at(level))
}

/**
 * The bytes as they were.
 * @param length which they had; nothing longer is ever held
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT
 */
export function expand(bytes: Uint8Array, coding: Coding, length: number): MaybePromise<Buffer> {
  const codec = codings[coding]
  const limits = { maxOutputLength: length }
  const check = (expanded: Buffer): Buffer => {
    if (expanded.byteLength === length) return expanded
    throw corrupt('its compressed body has another length')
  }
  const fail = (cause: unknown): never => {
    throw corrupt('its compressed body', cause)
  }
  if (length >= codec.decompressLater) return codec.decompress(bytes, limits).then(check, fail)
  let expanded: Buffer
  try {
    expanded = codec.decompressSync(bytes, limits)
  } catch (cause) {
    return fail(cause)
  }
  return check(expanded)
}

// Compresses a little of the beginning, the middle and the end.
function isPromising(bytes: Uint8Array): boolean {
  const last = bytes.byteLength - sampleBytes
  const samples = [0, Math.floor(last / 2), last].map((from) =>
    bytes.subarray(from, from + sampleBytes),
  )
  const sample = Buffer.concat(samples)
  const smaller = zstdCompressSync(sample, codings.zstd.at(1))
  return smaller.byteLength < sample.byteLength * promising
}
