/** Patterns of URLs, as users write them: globs, regular expressions, URLPatterns. */

/** What a `URLPattern` has that is used here; Node 22 has no such class of its own. */
export interface UrlPatternLike {
  test(input: string): boolean
}

/** A glob (`'example.com/static'`, `'*.example.com/*.json'`), a RegExp or a URLPattern. */
export type UrlPattern = string | RegExp | UrlPatternLike

/** Whether the value can be used as a pattern. */
export function isUrlPattern(value: unknown): value is UrlPattern {
  if (typeof value !== 'string') return typeof (value as UrlPatternLike | null)?.test === 'function'
  try {
    urlMatcher(value)
    return value !== ''
  } catch {
    // A range that runs backwards.
    return false
  }
}

/**
 * Tells whether a URL matches. A glob is matched without the scheme and from the beginning: `*` is
 * any text, slashes included, `?` one character, `[ab]` or `[a-z]` one of these, `[!ab]` none of
 * them (`[*]` is a star, `[?]` a question mark); what comes after its end does not matter. A RegExp
 * is searched for in the whole URL.
 */
export function urlMatcher(pattern: UrlPattern): (url: string) => boolean {
  if (pattern instanceof RegExp) {
    // One of our own: with the flag `g` or `y` it would go on where it stopped last time.
    const own = new RegExp(pattern)
    return (url) => {
      own.lastIndex = 0
      return own.test(url)
    }
  }
  if (typeof pattern !== 'string') return (url) => pattern.test(url)
  const parts = globParts(withoutScheme(pattern))
  return (url) => matchesParts(parts, withoutScheme(url))
}

function withoutScheme(url: string): string {
  return url.replace(/^[a-z*][a-z\d+.*-]*:\/\//i, '')
}

// What stands between the stars, each as an expression of its own: several stars in one expression
// would try all divisions of a long URL among them. The first part is where the URL begins.
function globParts(glob: string): RegExp[] {
  const sources = ['']
  for (const token of tokensOf(withLowerCaseHost(glob))) {
    if (token === '*') sources.push('')
    else sources[sources.length - 1] += tokenSource(token)
  }
  return sources.map((source, index) => new RegExp(source, index === 0 ? 'suy' : 'sug'))
}

// Hosts have no case, and URLs are handed over with theirs in lower case.
function withLowerCaseHost(glob: string): string {
  return glob.replace(/^[^/*?[]+/, (start) => start.toLowerCase())
}

function* tokensOf(glob: string): Generator<string> {
  const lastClose = glob.lastIndexOf(']')
  for (let at = 0; at < glob.length;) {
    let end = at + 1
    if (glob[at] === '[') {
      // A bracket right at the beginning is a member, and one that is never closed is itself.
      const members = glob[at + 1] === '!' ? at + 2 : at + 1
      if (members < lastClose) end = glob.indexOf(']', members + 1) + 1
    } else if (glob.codePointAt(at)! > 0xff_ff) end = at + 2
    yield glob.slice(at, end)
    at = end
  }
}

function tokenSource(token: string): string {
  if (token === '?') return '.'
  if (token.length < 3) return token.replace(/[\\^$.+()[\]{}|/]/, String.raw`\$&`)
  const negated = token[1] === '!'
  const members = token.slice(negated ? 2 : 1, -1).replaceAll(/[\\^[\]]/g, String.raw`\$&`)
  return `[${negated ? '^' : ''}${members}]`
}

// Each part where it is found first: what is left for the next one is longest then.
function matchesParts(parts: readonly RegExp[], url: string): boolean {
  let at = 0
  for (const part of parts) {
    part.lastIndex = at
    if (!part.test(url)) return false
    at = part.lastIndex
  }
  return true
}
