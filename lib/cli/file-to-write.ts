/** A file that is there when it is complete, and not before. */
import { randomBytes } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
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

/** Opens a file beside its place; what is no file, as a pipe, is written as it is. */
export async function openFile(given: string): Promise<FileToWrite> {
  const path = existsSync(given) ? realpathSync(given) : given
  const there = statSync(path, { throwIfNoEntry: false })
  if (there !== undefined && !there.isFile()) return openStream(path)
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

async function openStream(path: string): Promise<FileToWrite> {
  const stream = await open(path, 'w').catch((error: unknown) => refuse(path, error))
  return {
    async write(text) {
      await stream.writeFile(text)
    },
    async finish() {
      await stream.close()
    },
    async giveUp() {
      await stream.close().catch(() => {})
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
