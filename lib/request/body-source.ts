/** A request body that comes in chunks, whatever it is made of. */
import { discardBody } from './discard-body.ts'

/** Its chunks, and its end. */
export interface BodySource {
  next(): Promise<IteratorResult<unknown>>
  /** Ends it before its time, also while a chunk is being waited for. @param reason if there is one */
  end(reason?: Error): void
}

/** @returns undefined where the body has no chunks, or somebody else reads it already */
export function openBody(body: unknown): BodySource | undefined {
  const source = body as Partial<ReadableStream & AsyncIterable<unknown> & Iterable<unknown>> & {
    destroy?: unknown
  }
  // An iterator of such a stream could not be ended while a chunk is being waited for.
  if (typeof source.getReader === 'function') {
    return source.locked === true ? undefined : ofReader(source.getReader())
  }
  if (typeof source[Symbol.asyncIterator] === 'function') {
    return ofIterator(source[Symbol.asyncIterator]!(), source)
  }
  if (typeof source[Symbol.iterator] !== 'function') return undefined
  const chunks = (async function* () {
    yield* source as Iterable<unknown>
  })()
  return ofIterator(chunks, source)
}

function ofReader(reader: ReadableStreamDefaultReader<unknown>): BodySource {
  return {
    next: () => reader.read() as Promise<IteratorResult<unknown>>,
    end: (reason) => discardBody(reader, reason),
  }
}

function ofIterator(chunks: AsyncIterator<unknown>, source: { destroy?: unknown }): BodySource {
  return {
    next: async () => chunks.next(),
    end(reason) {
      // A generator that is being waited for ends after that; a stream does at once.
      if (typeof source.destroy === 'function') discardBody(source, reason)
      discardBody({ return: () => chunks.return?.() })
    },
  }
}
