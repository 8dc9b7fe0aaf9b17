/** A body, as far as it can be shown. */
import { decodeBody, textOf } from '../har/decoded-body.ts'
import { joinedField } from '../policy/validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { bytesText } from './amounts.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'

/** Prints a text; of anything else what it is, and how to get it. */
export async function printBody(
  output: Output,
  stored: Buffer,
  headers: HeaderFields,
): Promise<void> {
  const coding = joinedField(headers['content-encoding'])
  const type = joinedField(headers['content-type'])
  if (stored.byteLength === 0) return output.line(output.style('dim', '(no body)'))
  const decoded = await decodeBody(stored, coding)
  const text = decoded && textOf(decoded, type)
  if (text !== undefined) {
    const shown = output.width === undefined ? text : printable(text, 'lines')
    return output.bytes(shown.endsWith('\n') ? shown : `${shown}\n`)
  }
  const what = [type, coding].filter((each) => each !== undefined).join(', ')
  const kind = what === '' ? 'no text' : printable(what)
  const hint = `(${bytesText(stored.byteLength)}, ${kind}: --body writes them as they are)`
  await output.line(output.style('dim', hint))
}
