import { readFileSync } from 'node:fs'

/** Of this package: its folder is two above this one, built or not. */
export function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
