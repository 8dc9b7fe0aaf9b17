import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** All bytes of all files below a folder, and their names. */
export function storedBytes(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => readFileSync(join(each.parentPath, each.name), 'latin1') + each.name)
    .join('\n')
}
