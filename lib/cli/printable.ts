/** Text of somebody else's, made harmless for a terminal and for lines of values, and made to fit. */

// oxlint-disable-next-line no-control-regex -- to find them
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/**
 * Shows every character that would move the cursor, or end the line, as what it is: `\x1b`.
 * @param kind `'lines'` leaves line breaks and tabs as they are
 */
export function printable(text: string, kind: 'line' | 'lines' = 'line'): string {
  return text.replaceAll(controls, (character) => {
    if (kind === 'lines' && (character === '\n' || character === '\t')) return character
    if (kind === 'lines' && character === '\r') return ''
    const code = character.codePointAt(0)!.toString(16)
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })
}

/** At most as many characters, the end of it left readable: it tells more than the middle. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text
  const head = Math.ceil((width - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`
}

/**
 * Breaks a line where it would not fit: between words where it can, and what follows is indented.
 * @param width columns; undefined, or where nothing would fit: it stays whole
 * @param taken columns before it in the first line
 */
export function wrapped(
  text: string,
  width: number | undefined,
  indent: number,
  taken: number = 0,
): string {
  if (width === undefined || width - indent < leastColumns) return text
  const lines: string[] = []
  let rest = text
  for (let room = width - taken; ; room = width - indent) {
    const fitting = fits(rest, Math.max(1, room))
    if (fitting === rest.length) return [...lines, rest].join(`\n${' '.repeat(indent)}`)
    const space = rest.lastIndexOf(' ', fitting)
    const [word = ''] = /^\S*/.exec(rest.slice(space + 1))!
    // What is longer than a line, as URLs are, is cut anyway.
    const at = space > 0 && fits(word, width - indent) === word.length ? space : fitting
    lines.push(rest.slice(0, at))
    rest = rest.slice(at === space ? at + 1 : at)
  }
}

const leastColumns = 20
// Those of East Asia, and pictures, take two columns.
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** How much of a text fits into as many columns. */
function fits(text: string, columns: number): number {
  let taken = 0
  let length = 0
  for (const character of text) {
    taken += wide.test(character) ? 2 : 1
    if (taken > columns && length > 0) return length
    length += character.length
  }
  return length
}
