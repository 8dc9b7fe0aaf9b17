/** A stored body as it is meant: without its Content-Encoding, and as text where it is one. */
import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

type Limits = { readonly maxOutputLength: number }
type Decoder = (bytes: Uint8Array, limits: Limits) => Promise<Buffer>

const decoders: Readonly<Record<string, Decoder>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
  deflate: inflateEither,
  identity: async (bytes) => Buffer.from(bytes),
}

// What a few kilobytes become may be more than there is memory.
const longestDecoded = 2 ** 28

/** @param coding Content-Encoding @returns undefined where it is none of ours, or not kept to */
export async function decodeBody(
  body: Buffer,
  coding: string | undefined,
): Promise<Buffer | undefined> {
  const names = (coding ?? '').split(',').map((name) => name.trim().toLowerCase())
  let bytes = body
  for (const name of names.filter((each) => each !== '').toReversed()) {
    if (!Object.hasOwn(decoders, name)) return undefined
    try {
      bytes = await decoders[name]!(bytes, { maxOutputLength: longestDecoded })
    } catch {
      return undefined
    }
  }
  return bytes
}

/** The text of bytes; undefined where they are none. @param type Content-Type, for its charset */
export function textOf(bytes: Buffer, type: string | undefined): string | undefined {
  const [, charset = 'utf-8'] = /;\s*charset="?([^\s";]+)/i.exec(type ?? '') ?? []
  const text = isUtf8(bytes) ? bytes.toString() : inCharset(bytes, charset)
  return text === undefined || binary.test(text) ? undefined : text
}

// No text has these; a tab, line breaks, a page break and colours of a log are in some.
// oxlint-disable-next-line no-control-regex -- to find them
const binary = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/

function inCharset(bytes: Buffer, charset: string): string | undefined {
  if (/^utf-?8$/i.test(charset)) return undefined
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

// Some servers leave out what zlib puts around it.
async function inflateEither(bytes: Uint8Array, limits: Limits): Promise<Buffer> {
  const either = (bytes[0]! & 0x0f) === 8 ? inflate : inflateRaw
  return (promisify(either) as Decoder)(bytes, limits)
}
