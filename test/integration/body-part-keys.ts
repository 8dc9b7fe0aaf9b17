import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import { kindOfRecord } from '../../lib/entries/record-keys.ts'

/** The keys of the parts of long bodies. */
export async function bodyPartKeys(storage: BaseStorage): Promise<string[]> {
  const found: string[] = []
  for await (const key of storage.keys()) if (kindOfRecord(key) === 'part') found.push(key)
  return found
}
