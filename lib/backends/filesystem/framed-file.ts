import type { FileFormat } from '../../storage/file-format.ts'
import { fileEndings } from '../../storage/file-format.ts'
import { frameHead, prefixBytes, readFrame, readPrefix, torn } from '../../storage/frame.ts'

/** The format of files that need nothing but be read and written fast. */
export const framedFile: FileFormat = {
  serializer: 'native',
  ending: fileEndings.native,
  maxBodyBytes: 2 ** 28,
  // Not as one: that would copy the body first.
  encode: (record) => [frameHead(record), record.body],
  decode: readFrame,
  decodeHead(start, fileBytes) {
    const { headBytes, expiresAt } = readPrefix(start)
    const end = prefixBytes + headBytes
    if (end > fileBytes) throw torn()
    if (end > start.byteLength) return end
    return { head: start.toString('utf8', prefixBytes, end), expiresAt }
  },
}
