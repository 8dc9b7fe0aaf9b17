/** A query under the caller's rules: what of it is part of the key, and what is shown. */
import { redacted, shortestCredentialOf } from '../secrets/credentials.ts'
import { readGraphqlQuery, withoutIgnoredVariables } from './graphql-request.ts'
import type { KeyRules } from './key-rules.ts'
import type { NormalizedUrl } from './request.ts'
import { decodeParameter, sortParameters, unescapePath, writtenPair } from '../http/parameters.ts'

/** @param before the URL up to its question mark, that included */
export function matchQuery(before: string, query: string, rules: KeyRules): NormalizedUrl {
  const shown: string[] = []
  const counting: string[] = []
  const credentials: string[] = []
  const ignored: string[] = []
  for (const parameter of query.split('&')) {
    const equals = parameter.indexOf('=')
    const written = equals === -1 ? parameter : parameter.slice(0, equals)
    const without = equals === -1 ? parameter : `${written}=${redacted}`
    switch (roleOf(written, equals === -1 ? undefined : parameter.slice(equals + 1), rules)) {
      case 'ignored':
        shown.push(without)
        if (equals !== -1) ignored.push(unescapePath(parameter))
        break
      case 'credential':
        shown.push(without)
        credentials.push(parameter)
        if (rules.identity === 'isolated') counting.push(without)
        break
      case 'isolates':
        shown.push(without)
        credentials.push(parameter)
        counting.push(without)
        break
      case 'counts': {
        const clean = cleanVariables(parameter, rules, ignored)
        shown.push(clean)
        counting.push(clean)
      }
    }
  }
  const graphql = rules.graphql ? readGraphqlQuery(counting) : undefined
  const sorted = sortParameters([...(graphql?.parameters ?? counting)])
  return {
    // As if what does not count were not there.
    normalized: counting.length === 0 ? before.slice(0, -1) : before + sorted,
    shown: before + shown.join('&'),
    credentials,
    ignored,
    operation: graphql?.kind,
  }
}

function roleOf(
  name: string,
  value: string | undefined,
  rules: KeyRules,
): 'ignored' | 'credential' | 'isolates' | 'counts' {
  const decoded = decodeParameter(name)
  const lower = decoded.toLowerCase()
  if (rules.ignored.has(lower)) return 'ignored'
  const role = rules.names?.roleOf(lower)
  if (role === 'isolates' && value !== undefined) return 'isolates'
  const shortest = shortestCredentialOf(name)
  if (role === 'shares' && shortest < Infinity) return 'ignored'
  // That other parameters do not count says nothing about who asks.
  if (value !== undefined && value.length >= shortest) return 'credential'
  return rules.kept?.has(lower) === false ? 'ignored' : 'counts'
}

function cleanVariables(parameter: string, rules: KeyRules, ignored: string[]): string {
  if (!rules.graphql || rules.paths === undefined || !parameter.startsWith('variables=')) {
    return parameter
  }
  return withoutIgnoredVariables(parameter, {
    paths: rules.paths,
    visit: (name, value) => ignored.push(writtenPair(name, value)),
  })
}
