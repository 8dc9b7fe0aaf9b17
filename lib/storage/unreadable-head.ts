import type { EpochMs } from '../units.ts'
import type { StoredHead } from './base-storage.ts'

/**
 * A record of a listing whose head cannot be read: the listing goes on, and whoever reads the head
 * gets the error. It can be counted, deleted, and told of by its key.
 */
export function unreadableHead(
  key: string,
  expiresAt: EpochMs | undefined,
  error: unknown,
): StoredHead {
  return {
    key,
    expiresAt,
    get head(): string {
      throw error
    },
  }
}
