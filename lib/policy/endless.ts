/** Responses that have no end in sight. */
import { joinedField } from './validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'

// Watches, cameras, radio and television: they go on for as long as somebody reads.
const streamed =
  /^(?:text\/event-stream|multipart\/x-mixed-replace|(?:audio|video)\/|application\/(?:x-)?(?:ndjson|json-seq|jsonl|jsonlines|json-stream|stream\+json|grpc))/i

/** Whether a response of such a head is a stream for whose end nobody should wait. */
export function isEndless(headers: HeaderFields): boolean {
  if (headers['content-length'] !== undefined) return false
  const type = joinedField(headers['content-type']) ?? ''
  // As Kubernetes names its watches.
  return streamed.test(type) || /;\s*stream=/i.test(type)
}
