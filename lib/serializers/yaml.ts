import { loadDriver } from '../storage/load-driver.ts'
import type { DocumentFormat } from './document-format.ts'

/** The package `js-yaml`, as far as it is used here. */
interface Driver {
  readonly dump: (value: unknown, options: object) => string
  readonly load: (text: string, options: object) => unknown
}

// All else in a document is indented.
const bodyLine = '\nbody:'
// The beginning of a document is one, too: without its end it is not whole.
const end = '...'

/** Documents in YAML 1.2. @throws CacheError ERR_CACHE_DRIVER_MISSING */
export function loadYaml(): DocumentFormat {
  const { dump, load } = loadDriver('yaml', 'js-yaml', 'serializer') as Driver
  return {
    name: 'yaml',
    binary: false,
    // A megabyte of JSON takes half a second.
    longestView: 2 ** 16,
    longest: 2 ** 28,
    write: (document) => Buffer.from(`${dump(document, { lineWidth: -1, noRefs: true })}${end}\n`),
    read(bytes) {
      const text = bytes.toString()
      if (!text.trimEnd().endsWith(`\n${end}`)) throw new SyntaxError('the document has no end')
      // We write no aliases, and a few lines of them can stand for gigabytes.
      return load(text, { maxAliases: 0 })
    },
    beforeBody(start) {
      const at = start.indexOf(bodyLine)
      if (at === -1) return undefined
      return Buffer.concat([start.subarray(0, at + 1), Buffer.from(end)])
    },
  }
}
