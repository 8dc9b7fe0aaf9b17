/** One at a time: two starts at once would both install, and both start. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'
import { servicesFolder } from './records.ts'

const path = join(servicesFolder, 'lock')

/** Does some work while no other program does any under this lock. */
export async function alone<T>(work: () => Promise<T>, onWait: () => void): Promise<T> {
  mkdirSync(servicesFolder, { recursive: true })
  let told = false
  while (!take()) {
    if (!told) onWait()
    told = true
    await sleep(200)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function take(): boolean {
  try {
    writeFileSync(path, JSON.stringify(identify(process.pid)), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const holder = readHolder()
    // Its holder was ended before it could give it back; the next try takes it.
    if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true })
    return false
  }
}

/** @returns who holds it; `undefined` while that is just being written or given back */
function readHolder(): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity
  } catch {
    return undefined
  }
}
