/**
 * A language that documents are written in. Of a document, `body` is the last member, so that what
 * stands before it can be read without the rest.
 */

/** The names by which users choose one. */
export type FormatName = 'json' | 'yaml' | 'bson'

/** See the top of the file; what `read` gives back is whatever somebody may have written. */
export interface DocumentFormat {
  readonly name: FormatName
  /** Whether bytes stand in it as they are, or as base64. */
  readonly binary: boolean
  /** A longer body is not taken apart: that would hold up the loop. */
  readonly longestView: number
  /** The longest document that can be written. */
  readonly longest: number
  write(document: object): Uint8Array
  /** @throws where it is no document of this language */
  read(bytes: Buffer): unknown
  /**
   * A document of its own, of all that stands before the body.
   * @returns undefined where the body does not begin in these bytes
   */
  beforeBody(start: Buffer): Buffer | undefined
}
