/** What users write as `serializer`, and what becomes of it. */
import type { BaseStorage } from '../storage/base-storage.ts'
import type { FileFormat } from '../storage/file-format.ts'
import type { Rule } from '../check-options.ts'
import { misuse, nearestName } from '../errors.ts'
import { loadBson } from './bson.ts'
import type { DocumentFormat, FormatName } from './document-format.ts'
import { documentBodies, documentFiles } from './documents.ts'
import { json } from './json.ts'
import { SerializedStorage } from './serialized-storage.ts'
import type { Stage } from './stage.ts'
import { loadYaml } from './yaml.ts'

/** How records are written: `native` adds nothing, the others make a document of each. */
export type SerializerName = 'native' | FormatName

/**
 * A format, stages, or both. A format comes first and stages follow in the order in which records
 * go through them: `['json', compress('zstd'), encrypt(key)]`. The document is made last, of what
 * the stages have left.
 */
export type Serializer = SerializerName | Stage | readonly (SerializerName | Stage)[]

/** The option of every cache. */
export interface SerializerOption {
  /** How records are written: `'native'` (default), `'json'`, `'yaml'`, `'bson'`, and stages. */
  readonly serializer?: Serializer | undefined
}

interface Reading {
  readonly format: DocumentFormat | undefined
  readonly stages: readonly Stage[]
}

const names: readonly SerializerName[] = ['native', 'json', 'yaml', 'bson']
const expected = `${names.map((name) => `'${name}'`).join(', ')}, a stage, or a list that may begin with a name and goes on with stages`

const formats: Readonly<Record<FormatName, () => DocumentFormat>> = {
  json: () => json,
  yaml: loadYaml,
  bson: loadBson,
}

/** A rule that says by itself what is wrong: what is given may hold secrets, and is not shown. */
export const serializerRule: Rule = {
  expected,
  test(serializer) {
    readSerializer(serializer)
    return true
  },
}

/**
 * The storage, with records written as the serializer says: for storages of your own.
 * @returns the storage itself where there is nothing to do
 * @throws TypeError ERR_CACHE_OPTION_INVALID, CacheError ERR_CACHE_DRIVER_MISSING
 */
export function serialized(storage: BaseStorage, serializer?: Serializer): BaseStorage {
  const { format, stages } = readSerializer(serializer)
  if (format === undefined) return throughStages(storage, stages)
  const documents = documentBodies(format, () => storage.traits.maxBodyBytes)
  return throughStages(storage, [...stages, documents])
}

/** For a storage whose records are files: how to write them, and what goes around it. */
export function serializedFiles(serializer?: Serializer): {
  readonly format: FileFormat | undefined
  readonly around: (files: BaseStorage) => BaseStorage
} {
  const { format, stages } = readSerializer(serializer)
  return {
    format: format && documentFiles(format),
    around: (files) => throughStages(files, stages),
  }
}

function throughStages(storage: BaseStorage, stages: readonly Stage[]): BaseStorage {
  return stages.length === 0 ? storage : new SerializedStorage(storage, stages)
}

function readSerializer(serializer: unknown = 'native'): Reading {
  const list: unknown[] = Array.isArray(serializer) ? serializer : [serializer]
  if (list.length === 0) throw invalid('an empty list')
  const [first] = list
  const named = typeof first === 'string'
  if (named && !isName(first)) throw invalid(nameHint(first))
  const stages = named ? list.slice(1) : list
  for (const stage of stages) {
    if (isName(stage)) throw invalid(`'${stage}' that is not the first`)
    if (!isStage(stage)) throw invalid(shapeOf(stage))
  }
  const load = named && first !== 'native' ? formats[first as FormatName] : undefined
  return { format: load?.(), stages: stages as Stage[] }
}

function isName(value: unknown): value is SerializerName {
  return names.includes(value as SerializerName)
}

function isStage(value: unknown): value is Stage {
  const { name, encode, decode, encodeHead, decodeHead } = (value ?? {}) as Partial<Stage>
  return (
    typeof name === 'string' &&
    /^[\w-]{1,40}$/.test(name) &&
    typeof encode === 'function' &&
    typeof decode === 'function' &&
    typeof encodeHead === typeof decodeHead
  )
}

function invalid(got: string): TypeError {
  return misuse('ERR_CACHE_OPTION_INVALID', `option 'serializer' must be ${expected}, got ${got}`)
}

function nameHint(name: string): string {
  const nearest = nearestName(name, names)
  // A text that looks like none of the names may be a secret that was put here by mistake.
  return nearest === undefined
    ? `a text of ${name.length} characters`
    : `'${name}'; did you mean '${nearest}'?`
}

function shapeOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return 'bytes'
  if (typeof value !== 'object') return `a ${typeof value}`
  const { name, encode, decode, encodeHead, decodeHead } = value as Partial<Stage>
  if (typeof encode !== 'function' || typeof decode !== 'function') {
    return 'an object without encode() and decode()'
  }
  if (typeof encodeHead !== typeof decodeHead) {
    return 'a stage with one of encodeHead() and decodeHead(), and not the other'
  }
  return typeof name === 'string' ? `a stage named '${name}'` : 'a stage without a name'
}
