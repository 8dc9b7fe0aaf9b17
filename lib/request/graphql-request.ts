/**
 * GraphQL over HTTP: a request whose JSON, or whose query, holds a document. What means nothing in
 * it (white space, comments, variables that are empty) is made equal.
 */
import {
  canonicalElements,
  canonicalJson,
  canonicalMembers,
  joinMembers,
  type IgnoredJson,
  type Member,
} from './canonical-json.ts'
import { kindOf, readDocument, worstOf, type OperationKind } from './graphql-document.ts'
import { decodeParameter } from '../http/parameters.ts'

/** An operation that a body asks for, or several at once. */
export interface GraphqlBody {
  readonly kind: OperationKind
  /** What two spellings of it have in common. */
  readonly text: string
}

/** @param canonical JSON as `canonicalJson` gives it; @returns undefined where it is no operation */
export function readGraphqlJson(canonical: string): GraphqlBody | undefined {
  if (!canonical.includes('"query":"')) return undefined
  if (canonical[0] !== '[') return readOperation(canonical)
  const batch = canonicalElements(canonical)?.map(readOperation) ?? []
  const known = batch.filter((body) => body !== undefined)
  const kind = worstOf(known.map((body) => body.kind))
  // What is not understood may be a mutation by its digest.
  if (known.length === 0 || (kind === 'query' && known.length < batch.length)) return undefined
  return { kind, text: `[${known.map(({ text }) => text).join(',')}]` }
}

/** The body of an `application/graphql` request: the document alone. */
export function readGraphqlText(text: string): GraphqlBody | undefined {
  const document = readDocument(text)
  if (document === undefined) return undefined
  return {
    kind: kindOf(document, undefined),
    text: joinMembers([['"query"', JSON.stringify(document.canonical)]]),
  }
}

function readOperation(canonical: string): GraphqlBody | undefined {
  const members = canonicalMembers(canonical)
  const name = textOf(members?.findLast(([each]) => each === '"operationName"'))
  const documents = members?.filter(([each]) => each === '"query"').map(documentOf) ?? []
  const known = documents.filter((document) => document !== undefined)
  if (known.length === 0 || known.length < documents.length) return undefined
  return {
    // Two members of one name: nobody knows which of them counts.
    kind: worstOf(known.map((document) => kindOf(document, name))),
    text: joinMembers(members!.filter(says).map(normalized)),
  }
}

function says([name, value]: Member): boolean {
  if (name === '"variables"') return value !== 'null' && value !== '{}'
  return name !== '"operationName"' || value !== 'null'
}

function normalized(member: Member): Member {
  const [name] = member
  return name === '"query"' ? [name, JSON.stringify(documentOf(member)!.canonical)] : member
}

function documentOf(member: Member): ReturnType<typeof readDocument> {
  const text = textOf(member)
  return text === undefined ? undefined : readDocument(text)
}

function textOf(member: Member | undefined): string | undefined {
  return member?.[1][0] === '"' ? (JSON.parse(member[1]) as string) : undefined
}

/** An operation that a URL asks for. */
export interface GraphqlQuery {
  readonly kind: OperationKind
  /** The same parameters, so that what means nothing is equal. */
  readonly parameters: readonly string[]
}

/** @param parameters `name=value`, as they stand in a URL; undefined where there is no document */
export function readGraphqlQuery(parameters: readonly string[]): GraphqlQuery | undefined {
  const documents = parameters.filter(isNamed('query')).map((each) => readDocument(valueOf(each)))
  const known = documents.filter((document) => document !== undefined)
  if (known.length === 0 || known.length < documents.length) return undefined
  const operationName = parameters.findLast(isNamed('operationName'))
  const name = operationName === undefined ? undefined : valueOf(operationName)
  return {
    kind: worstOf(known.map((document) => kindOf(document, name))),
    parameters: parameters.flatMap((parameter) => {
      if (isNamed('query')(parameter)) {
        return `query=${encodeURIComponent(readDocument(valueOf(parameter))!.canonical)}`
      }
      if (!isNamed('variables')(parameter)) return parameter
      const variables = canonicalJson(valueOf(parameter))
      if (variables === undefined) return parameter
      return variables === 'null' || variables === '{}' ? [] : withVariables(variables)
    }),
  }
}

/** The parameter `variables` of a URL without what is ignored in it; as it is where nothing is. */
export function withoutIgnoredVariables(parameter: string, ignored: IgnoredJson): string {
  let some = false
  const variables = canonicalJson(valueOf(parameter), {
    paths: ignored.paths?.members.get('variables'),
    visit(name, value) {
      some = true
      ignored.visit(name, value)
    },
  })
  return some && variables !== undefined ? withVariables(variables) : parameter
}

function withVariables(json: string): string {
  return `variables=${encodeURIComponent(json)}`
}

function isNamed(name: string): (parameter: string) => boolean {
  return (parameter) => parameter.startsWith(`${name}=`)
}

function valueOf(parameter: string): string {
  return decodeParameter(parameter.slice(parameter.indexOf('=') + 1))
}
