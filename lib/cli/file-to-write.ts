/** A file that is there when it is complete, and not before. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { misuse } from '../errors.ts'
import { Failure } from './explain.ts'

/** See the top of the file. */
export interface FileToWrite {
  write(text: string): Promise<void>
  /** Puts it into its place. */
  finish(): Promise<void>
  /** Leaves nothing behind where it is not finished. */
  giveUp(): Promise<void>
}

// Entries are short, and a call of the system for each would take as long as all the rest.
const bufferedCharacters = 2 ** 16

/** Opens a file beside its place. */
export async function openFile(path: string): Promise<FileToWrite> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  const file = await open(temporary, 'wx').catch((error: unknown) => refuse(path, error))
  let finished = false
  let buffered = ''
  const flush = async (): Promise<void> => {
    const text = buffered
    buffered = ''
    await file.writeFile(text)
  }
  return {
    async write(text) {
      buffered += text
      if (buffered.length > bufferedCharacters) await flush()
    },
    async finish() {
      await flush()
      await file.close()
      await rename(temporary, path).catch((error: unknown) => refuse(path, error))
      finished = true
    },
    async giveUp() {
      if (finished) return
      await file.close().catch(() => {})
      await rm(temporary, { force: true })
    },
  }
}

// Its own message names the file beside it.
function refuse(path: string, error: unknown): never {
  const why = (error as Error).message.replace(/, \w+ '.*$/s, '')
  throw new Failure(`'${path}' cannot be written: ${why}`)
}

/** For an empty name. */
export function noFile(command: string): TypeError {
  const message = `'${command}' needs the name of a file, or "-", got ''`
  return misuse('ERR_CACHE_OPTION_INVALID', message)
}
