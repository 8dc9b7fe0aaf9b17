import { Downstream } from '../../lib/response/downstream.ts'
import type { Handler } from '../../lib/response/handler.ts'
import { RecordingUpstream } from './recording-upstream.ts'

export interface Started {
  readonly down: Downstream
  readonly upstream: RecordingUpstream
}

/** An exchange that has begun, with a network behind it. */
export function begin(handler: Handler, runAhead = false): Started {
  const down = new Downstream(handler)
  const upstream = new RecordingUpstream(down)
  down.start()
  down.attach(upstream)
  down.runAhead = runAhead
  return { down, upstream }
}

/** A whole response, as a network delivers it. */
export function respond({ down, upstream }: Started, ...chunks: string[]): void {
  down.head(200, [], {}, 'OK')
  for (const chunk of chunks) down.data(Buffer.from(chunk))
  upstream.complete = true
  down.end({}, [])
}
