/** An instant: milliseconds since 1970, as `Date.now()` gives it. */
export type EpochMs = number

/** A duration in milliseconds. */
export type Ms = number
