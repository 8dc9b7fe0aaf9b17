import { loadDriver } from '../storage/load-driver.ts'
import type { DocumentFormat } from './document-format.ts'

/** The package `bson`, as far as it is used here. */
interface Driver {
  readonly serialize: (document: object) => Uint8Array
  readonly deserialize: (bytes: Uint8Array, options: object) => unknown
}

const lengthBytes = 4

/** Documents in BSON. @throws CacheError ERR_CACHE_DRIVER_MISSING */
export function loadBson(): DocumentFormat {
  const { serialize, deserialize } = loadDriver('bson', 'bson', 'serializer') as Driver
  return {
    name: 'bson',
    binary: true,
    longestView: 2 ** 20,
    // Longer ones no database takes.
    longest: 2 ** 24,
    write: (document) => serialize(document),
    read: (bytes) => deserialize(bytes, { promoteBuffers: true }),
    beforeBody,
  }
}

// A document is its length, its elements and a zero; an element is a type, a name that ends with a
// zero, and a value.
function beforeBody(start: Buffer): Buffer | undefined {
  for (let at = lengthBytes; at + 1 < start.byteLength;) {
    const nameEnd = start.indexOf(0, at + 1)
    if (nameEnd === -1) return undefined
    if (start.toString('utf8', at + 1, nameEnd) === 'body') return documentOf(start, at)
    const bytes = valueBytes(start[at]!, start, nameEnd + 1)
    if (bytes === undefined) return undefined
    at = nameEnd + 1 + bytes
  }
  return undefined
}

function documentOf(start: Buffer, end: number): Buffer {
  const document = Buffer.alloc(end + 1)
  start.copy(document, 0, 0, end)
  document.writeInt32LE(end + 1)
  return document
}

// Of the types that stand before a body in what we write.
function valueBytes(type: number, start: Buffer, at: number): number | undefined {
  if (type === 0x01) return 8 // double
  if (type === 0x10) return 4 // int32
  if (at + lengthBytes > start.byteLength) return undefined
  if (type === 0x02) return lengthBytes + start.readUInt32LE(at) // text
  if (type === 0x03 || type === 0x04) return start.readUInt32LE(at) // object, list
  return undefined
}
