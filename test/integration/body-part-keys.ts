import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import { isPartKey } from '../../lib/entries/body-parts.ts'

/** The keys of the parts of long bodies. */
export async function bodyPartKeys(storage: BaseStorage): Promise<string[]> {
  const found: string[] = []
  for await (const key of storage.keys()) if (isPartKey(key)) found.push(key)
  return found
}
