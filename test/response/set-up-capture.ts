import { Capture } from '../../lib/response/capture.ts'
import { Downstream } from '../../lib/response/downstream.ts'
import { OriginSide, RecordingOwner } from './origin-side.ts'
import { RecordingHandler } from './recording-handler.ts'

/** An exchange, from the origin's side to the caller's. */
export interface Setting {
  readonly handler: RecordingHandler
  readonly down: Downstream
  readonly owner: RecordingOwner
  readonly capture: Capture
  readonly origin: OriginSide
}

export function setUp(handler: RecordingHandler = new RecordingHandler()): Setting {
  const down = new Downstream(handler)
  const owner = new RecordingOwner()
  const capture = new Capture(down, owner)
  return { handler, down, owner, capture, origin: new OriginSide(capture) }
}

/** One whose responses are stored. */
export function setUpStoring(handler?: RecordingHandler): Setting {
  const setting = setUp(handler)
  setting.owner.verdict = { sink: setting.owner.sink, notes: [] }
  return setting
}
