/** Plays a stored response to a caller, as the origin would have sent it. */
import type { Entry, EntryHead } from '../entries/entry.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import type { Downstream } from './downstream.ts'
import { addField, headerFields, type RawHeaders } from '../http/header-lines.ts'

/** What is played. The arrays and objects are the caller's to change: undici's interceptors do. */
export interface Playable {
  readonly status: number
  readonly statusText: string
  readonly rawHeaders: RawHeaders
  readonly headers: HeaderFields
  readonly rawTrailers: string[]
  readonly trailers: HeaderFields
}

/**
 * What a caller gets of an entry.
 * @param lines its header lines, with the caller's own credentials in them
 * @param notes header lines of ours, flat, names in lower case; `age` replaces the origin's
 */
export function playable(
  entry: EntryHead & Pick<Entry, 'headers' | 'owned'>,
  lines: readonly string[],
  notes: readonly string[],
): Playable {
  const plain = lines === entry.rawHeaders && entry.headers['age'] === undefined
  const exact = plain || notes.length === 0
  const rawHeaders = exact ? (entry.owned ? (lines as string[]) : lines.slice()) : withoutAge(lines)
  const headers: Record<string, string | string[] | undefined> = plain
    ? entry.owned
      ? entry.headers
      : { ...entry.headers }
    : headerFields(rawHeaders)
  for (let i = 0; i < notes.length; i += 2) {
    rawHeaders.push(notes[i]!, notes[i + 1]!)
    addField(headers, notes[i]!, notes[i + 1]!)
  }
  const rawTrailers = entry.rawTrailers.slice()
  return {
    status: entry.status,
    statusText: entry.statusText,
    rawHeaders,
    headers,
    rawTrailers,
    trailers: rawTrailers.length === 0 ? {} : headerFields(rawTrailers),
  }
}

// RFC 9111 §5.1: the age is one number, and it is ours to tell.
function withoutAge(lines: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]!.toLowerCase() !== 'age') kept.push(lines[i]!, lines[i + 1]!)
  }
  return kept
}

/** A body at hand goes in one chunk, whatever its size: smaller ones only cost time. */
export function replayWhole(down: Downstream, response: Playable, body: Buffer | undefined): void {
  const { status, rawHeaders, headers, statusText } = response
  down.start()
  down.responseStarted()
  down.head(status, rawHeaders, headers, statusText)
  if (body !== undefined && body.byteLength > 0) down.data(body)
  down.end(response.trailers, response.rawTrailers)
}

/**
 * A body that comes in parts is read as the caller reads it.
 * @param parts the body, one Buffer at a time
 * @param failed told what `parts` throws, unless the caller has left; from then on the response is
 *   in its hands. By default it ends the response.
 */
export async function replayParts(
  down: Downstream,
  response: Playable,
  parts: AsyncIterator<Buffer>,
  failed: (error: Error) => void = (error) => down.error(error),
): Promise<void> {
  let wake: (() => void) | undefined
  let paused = false
  let aborted: Error | undefined
  down.attach({
    abort(reason) {
      aborted = reason
      down.detach()
      down.error(reason)
      wake?.()
    },
    pause() {
      paused = true
    },
    resume() {
      paused = false
      wake?.()
    },
  })
  try {
    down.start()
    down.responseStarted()
    down.head(response.status, response.rawHeaders, response.headers, response.statusText)
    while (!down.ended) {
      if (paused) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      const next = await parts.next()
      if (next.done === true) break
      down.data(next.value)
    }
    if (aborted === undefined) down.end(response.trailers, response.rawTrailers)
  } catch (error) {
    down.detach()
    failed(error as Error)
  } finally {
    await parts.return?.()
  }
}
