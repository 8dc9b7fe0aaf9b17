/** Text of somebody else's, made harmless for a terminal and for lines of values. */

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
