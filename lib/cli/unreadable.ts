/** Entries that cannot be read: they are passed over, and counted. */
import { counted } from './amounts.ts'
import type { Job } from './command.ts'

/** Says how many there are. */
export function sayUnreadable(
  { output, address }: Pick<Job<object>, 'output' | 'address'>,
  count: number,
): void {
  if (count === 0) return
  const what = `${counted(count, 'entry', 'entries')} of ${address.shown} cannot be read`
  output.say(`${what}, and ${count === 1 ? 'was' : 'were'} passed over; 'verify' names them`)
}
