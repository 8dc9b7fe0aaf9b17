/**
 * Credentials of a request that the origin sends back, as in a redirect from `http:` to `https:`
 * with the same `?api_key=…`. They are taken out before the response is stored, and put back when
 * it is replayed to a request with the same credentials; the text between is not touched.
 */
import { sortCredentials } from './credentials.ts'

/** [index of the text, offset in the text without its credentials, index among the forms] */
export type Echo = readonly [line: number, offset: number, form: number]

/**
 * The texts in which these credentials may come back: as they were written and decoded, the token
 * without its scheme, each cookie's value. Equal credentials give equal lists.
 * @param credentials `name: value` of header fields, `name=value` of parameters
 */
export function credentialForms(credentials: readonly string[]): string[] {
  const forms: string[] = []
  for (const credential of sortCredentials(credentials)) {
    const colon = credential.indexOf(': ')
    if (colon === -1) {
      const written = credential.slice(credential.indexOf('=') + 1)
      const decoded = decode(written)
      forms.push(written, decoded, encodeURIComponent(decoded))
      continue
    }
    const value = credential.slice(colon + 2)
    forms.push(value)
    if (credential.startsWith('cookie:')) {
      for (const pair of value.split(';')) forms.push(pair.slice(pair.indexOf('=') + 1).trim())
    } else {
      forms.push(value.slice(value.lastIndexOf(' ') + 1))
    }
  }
  return forms
}

// Shorter ones are found in any text, and tell nothing to whoever reads it.
const shortestForm = 4

/** The texts without the forms, and where each was; undefined where none was found. */
export function takeOutEchoes(
  texts: readonly string[],
  forms: readonly string[],
): { texts: string[]; echoes: Echo[] } | undefined {
  // The longest first: a form may hold another one.
  const order = forms
    .map((form, index) => ({ form, index }))
    .filter(({ form }) => form.length >= shortestForm)
    .toSorted((a, b) => b.form.length - a.form.length)
  const echoes: Echo[] = []
  const cleaned = texts.map((text, line) => {
    // What is left on both sides of a form may make one: until there is none.
    for (let before = -1; before < echoes.length;) {
      before = echoes.length
      text = takeOutOnce(text, line, order, echoes)
    }
    return text
  })
  return echoes.length === 0 ? undefined : { texts: cleaned, echoes }
}

function takeOutOnce(
  text: string,
  line: number,
  order: readonly { form: string; index: number }[],
  echoes: Echo[],
): string {
  let rest = text
  let clean = ''
  for (;;) {
    let at = rest.length
    let found: { form: string; index: number } | undefined
    for (const candidate of order) {
      const position = rest.indexOf(candidate.form)
      if (position !== -1 && position < at) [at, found] = [position, candidate]
    }
    clean += rest.slice(0, at)
    if (found === undefined) return clean
    echoes.push([line, clean.length, found.index])
    rest = rest.slice(at + found.form.length)
  }
}

/** Undoes `takeOutEchoes`, given the same forms. */
export function putBackEchoes(
  texts: readonly string[],
  echoes: readonly Echo[],
  forms: readonly string[],
): string[] {
  const whole = [...texts]
  // From the last to the first, so that the offsets before it still hold.
  for (const [line, offset, form] of echoes.toReversed()) {
    const text = whole[line] ?? ''
    whole[line] = text.slice(0, offset) + (forms[form] ?? '') + text.slice(offset)
  }
  return whole
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
