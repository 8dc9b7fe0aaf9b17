import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A folder of the test file's own, which is gone when its tests have run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'undici-cache-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
