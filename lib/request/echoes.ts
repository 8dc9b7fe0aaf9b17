/**
 * Secrets of a request that the origin sends back, as in a redirect from `http:` to `https:` with
 * the same `?api_key=…`. They are taken out before the response is stored, and put back when it is
 * replayed: those that are in the key to a request that has the same, those that the rules ignore
 * to whoever asks, with what he himself has sent. The text between is not touched.
 */
import { redacted } from './credentials.ts'
import type { Form } from './secret-forms.ts'

/** [index of the text, offset in the text without its secrets, id of the form] */
export type Echo = readonly [line: number, offset: number, form: number | string]

// Shorter ones are found in any text, and tell nothing to whoever reads it.
const shortestForm = 4

/** What is left of some texts, and what was in them. */
export interface TakenOut {
  readonly texts: string[]
  readonly echoes: Echo[]
  /** Fields that the response is selected by, for it holds what the request says there. */
  readonly selects: string[]
}

/** The texts without the forms, and where each was; undefined where none was found. */
export function takeOutEchoes(
  texts: readonly string[],
  forms: readonly Form[],
): TakenOut | undefined {
  const parameters = forms.filter(({ parameter }) => parameter !== undefined).map(asParameter)
  // The longest first: a form may hold another one.
  const order = forms
    .filter(({ text, parameter }) => parameter === undefined && text.length >= shortestForm)
    .toSorted((a, b) => b.text.length - a.text.length)
  const echoes: Echo[] = []
  const selects = new Set<string>()
  const cleaned = texts.map((text, line) => {
    for (const parameter of parameters) text = takeOutParameter(text, line, parameter, echoes)
    // What is left on both sides of a form may make one: until there is none.
    for (let before = -1; before < echoes.length;) {
      before = echoes.length
      text = takeOutOnce(text, line, order, echoes, selects)
    }
    return text
  })
  return echoes.length === 0 ? undefined : { texts: cleaned, echoes, selects: [...selects] }
}

interface ParameterForm {
  readonly id: Form['id']
  readonly pattern: RegExp
}

// As the value of that name, in a URL or in Set-Cookie.
function asParameter({ id, text, parameter = '' }: Form): ParameterForm {
  const names = [...new Set([parameter, encodeURIComponent(parameter)])].map(caseless).join('|')
  const before = `(?<=(?:^|[?&;#\\s,"'<])(?:${names})=)`
  const after = `(?![^&;#\\s,"'>])`
  return { id, pattern: new RegExp(`${before}(?:${literally(text)})${after}`) }
}

function caseless(text: string): string {
  const either = (letter: string): string => `[${letter.toLowerCase()}${letter.toUpperCase()}]`
  return literally(text).replaceAll(/[a-z]/gi, either)
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}

function takeOutParameter(
  text: string,
  line: number,
  { id, pattern }: ParameterForm,
  echoes: Echo[],
): string {
  for (;;) {
    const match = pattern.exec(text)
    if (match === null || match[0] === '') return text
    echoes.push([line, match.index, id])
    text = text.slice(0, match.index) + text.slice(match.index + match[0].length)
  }
}

function takeOutOnce(
  text: string,
  line: number,
  order: readonly Form[],
  echoes: Echo[],
  selects: Set<string>,
): string {
  let rest = text
  let clean = ''
  for (;;) {
    let at = rest.length
    let found: Form | undefined
    for (const candidate of order) {
      const position = rest.indexOf(candidate.text)
      if (position !== -1 && position < at) [at, found] = [position, candidate]
    }
    clean += rest.slice(0, at)
    if (found === undefined) return clean
    echoes.push([line, clean.length, found.id])
    if (found.selects !== undefined) selects.add(found.selects)
    rest = rest.slice(at + found.text.length)
  }
}

/** Undoes `takeOutEchoes`, given the same forms; of other forms, puts those in their places. */
export function putBackEchoes(
  texts: readonly string[],
  echoes: readonly Echo[],
  forms: readonly Form[],
): string[] {
  const byId = new Map(forms.map(({ id, text }) => [id, text]))
  const whole = [...texts]
  // From the last to the first, so that the offsets before it still hold.
  for (const [line, offset, form] of echoes.toReversed()) {
    const text = whole[line] ?? ''
    whole[line] = text.slice(0, offset) + (byId.get(form) ?? '') + text.slice(offset)
  }
  return whole
}

// A shorter one may stand in what is stored of a request by chance.
const shortestHidden = 8

/** Texts for people: with a placeholder for each form. */
export function hideForms(texts: readonly string[], forms: readonly Form[]): readonly string[] {
  if (forms.length === 0) return texts
  const patterns = forms.flatMap(({ id, text, parameter }) => {
    if (parameter !== undefined) return asParameter({ id, text, parameter }).pattern
    return text.length < shortestHidden ? [] : new RegExp(literally(text))
  })
  return texts.map((text) =>
    patterns.reduce(
      (hidden, pattern) => hidden.replaceAll(new RegExp(pattern, 'g'), redacted),
      text,
    ),
  )
}
