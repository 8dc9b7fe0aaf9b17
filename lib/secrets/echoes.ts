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
  const parameters = forms.flatMap((form) => asParameter(form) ?? [])
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
  readonly value: string
  /** As it may be written, in lower case. */
  readonly names: readonly string[]
}

// As the value of that name, in a URL or in Set-Cookie. By hand: a pattern of a long value is one that
// is refused, in an error that shows it.
function asParameter({ id, text, parameter }: Form): ParameterForm | undefined {
  if (parameter === undefined || text === '') return undefined
  const names = [parameter, encodeURIComponent(parameter)].map((name) => name.toLowerCase())
  return { id, value: text, names: [...new Set(names)] }
}

const beforeName = /[?&;#\s,"'<]/
const afterValue = /[&;#\s,"'>]/

function findParameter(text: string, { value, names }: ParameterForm, from: number): number {
  let at = text.indexOf(value, from)
  while (at !== -1 && !isValueAt(text, at, value, names)) at = text.indexOf(value, at + 1)
  return at
}

function isValueAt(text: string, at: number, value: string, names: readonly string[]): boolean {
  const end = at + value.length
  if (text[at - 1] !== '=' || (end < text.length && !afterValue.test(text[end]!))) return false
  return names.some((name) => {
    const begin = at - 1 - name.length
    if (begin < 0 || text.slice(begin, at - 1).toLowerCase() !== name) return false
    return begin === 0 || beforeName.test(text[begin - 1]!)
  })
}

function takeOutParameter(text: string, line: number, form: ParameterForm, echoes: Echo[]): string {
  for (;;) {
    const at = findParameter(text, form, 0)
    if (at === -1) return text
    echoes.push([line, at, form.id])
    text = text.slice(0, at) + text.slice(at + form.value.length)
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
  return texts.map((text) => forms.reduce(hideForm, text))
}

function hideForm(text: string, form: Form): string {
  const parameter = asParameter(form)
  if (parameter === undefined) {
    return form.text.length < shortestHidden ? text : text.replaceAll(form.text, redacted)
  }
  let hidden = ''
  let rest = 0
  for (;;) {
    const at = findParameter(text, parameter, rest)
    if (at === -1) return hidden + text.slice(rest)
    hidden += text.slice(rest, at) + redacted
    rest = at + parameter.value.length
  }
}
