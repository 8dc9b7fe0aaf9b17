import type { Group } from './harness.ts'

/**
 * One question: yields its groups one by one, each measured while the generator waits, so that it
 * can set up before and clean up after.
 * @param wanted whether the group of this title is asked for; others need not be set up
 */
export type Bench = (wanted: (title: string) => boolean) => AsyncIterable<Group> | Iterable<Group>
