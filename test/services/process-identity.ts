/** Processes that we started, told apart from later ones that happen to get the same number. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process by its number and its birth: the number alone may by now belong to another. */
export interface ProcessIdentity {
  readonly pid: number
  readonly birth: string
}

/** @returns the process as it runs now; `undefined` when none does */
export function identify(pid: number): ProcessIdentity | undefined {
  const birth = process.platform === 'linux' ? birthInProc(pid) : birthByPs(pid)
  return birth === undefined ? undefined : { pid, birth }
}

/** @returns whether that very process still runs */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.birth === identity.birth
}

/** Signals a process and its children, which share its group; nothing where it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return
  try {
    process.kill(-identity.pid, name)
  } catch (error) {
    // It went between the look and the signal.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Ends a process and waits until it is gone: politely for `grace` ms, then by force. */
export async function end(identity: ProcessIdentity, grace = 5000): Promise<void> {
  if (grace > 0) {
    signal(identity, 'SIGTERM')
    // A frozen one takes the request only when it runs again.
    signal(identity, 'SIGCONT')
    if (await isGoneWithin(identity, grace)) return
  }
  signal(identity, 'SIGKILL')
  if (!(await isGoneWithin(identity, 10_000))) {
    throw new Error(`process ${identity.pid} does not end`)
  }
}

async function isGoneWithin(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false
    await sleep(20)
  }
  return true
}

/** Linux: ticks since the boot, so the boot belongs to it. */
function birthInProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before it is in brackets and may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended; only its parent has not looked yet.
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`
  } catch {
    return undefined
  }
}

function birthByPs(pid: number): string | undefined {
  try {
    const shown = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    const [state = '', ...birth] = shown.split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : birth.join(' ')
  } catch {
    return undefined
  }
}
