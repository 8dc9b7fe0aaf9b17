/**
 * The open database of a path. Somebody may delete the file meanwhile, or put another one in its
 * place; SQLite would go on with the old one, which nobody else sees, and leave its WAL to the new one, to which
 * it does not belong. So the path is looked at now and then, and opened anew where it is another file.
 */
import { statSync, unlinkSync } from 'node:fs'
import { CacheError } from '../../errors.ts'
import { monotonicNow } from '../../timers.ts'
import type { Ms } from '../../units.ts'
import type { SqliteDriver, SqliteStatement } from './sqlite-file.ts'

// A look takes some microseconds.
const lookEvery: Ms = 1_000

const besides = ['-wal', '-shm'] as const

/** An open database; see the top of the file. */
export class SqliteHandle {
  readonly #path: string
  readonly #open: () => SqliteDriver
  readonly #opened: () => void
  #db: SqliteDriver
  #file: string | undefined
  /** Which files lay beside it; removed where they are left beside another one. */
  readonly #beside = new Map<string, string | undefined>()
  #lookAt = 0
  #untold: CacheError | undefined
  /** Why there is no database at the moment; `#db` is closed then. */
  #failure: Error | undefined
  /** How often it was opened. */
  generation = 0

  /**
   * @param open opens the file, or makes it
   * @param opened called when it was opened anew
   */
  constructor(path: string, open: () => SqliteDriver, opened: () => void) {
    this.#path = path
    this.#open = open
    this.#opened = opened
    this.#db = open()
    this.#remember()
  }

  get db(): SqliteDriver {
    return this.#db
  }

  /** @returns a statement that is prepared anew with the database */
  prepare(sql: string): SqliteStatement {
    return new HandleStatement(this, sql)
  }

  /** Looks where it is time to. @throws as `look` */
  lookNowAndThen(): void {
    if (this.#failure !== undefined || monotonicNow() >= this.#lookAt) this.look()
  }

  /**
   * Sees to it that the database is that of the path.
   * @throws what opening it throws
   */
  look(): void {
    const now = monotonicNow()
    if (this.#failure !== undefined && now < this.#lookAt) throw this.#failure
    this.#lookAt = now + lookEvery
    if (this.#file === undefined) return
    const file = identityOf(this.#path)
    if (file === this.#file && this.#failure === undefined) return this.#rememberBeside()
    this.#openAnew(file === undefined ? 'deleted' : 'replaced')
  }

  /** Says once that the file was another one. @throws CacheError ERR_CACHE_STORAGE_FAILED */
  tell(): void {
    const untold = this.#untold
    if (untold === undefined) return
    this.#untold = undefined
    throw untold
  }

  close(): void {
    this.#db.close()
  }

  #openAnew(what: 'deleted' | 'replaced'): void {
    if (this.#failure === undefined) {
      const message = `'${this.#path}' was ${what} while it was open; what was in it is lost, and it is opened anew`
      this.#untold = new CacheError('ERR_CACHE_STORAGE_FAILED', message)
      // It sees that its file has gone, and writes nothing back.
      this.#db.close()
      this.#removeOwnBeside()
    }
    try {
      this.#db = this.#open()
      this.#failure = undefined
    } catch (error) {
      // It is tried again at the next look.
      this.#failure = error as Error
      this.#untold = undefined
      throw error
    } finally {
      this.generation++
      this.#opened()
    }
    this.#remember()
  }

  #remember(): void {
    this.#file = this.#path === ':memory:' ? undefined : identityOf(this.#path)
    this.#rememberBeside()
  }

  #rememberBeside(): void {
    for (const ending of besides) this.#beside.set(ending, identityOf(this.#path + ending))
  }

  // Another process may have opened the new file already: what it has made beside it stays.
  #removeOwnBeside(): void {
    for (const ending of besides) {
      const path = this.#path + ending
      const own = this.#beside.get(ending)
      if (own === undefined || own !== identityOf(path)) continue
      try {
        unlinkSync(path)
      } catch {
        // Another process, which had it open too, was faster.
      }
    }
  }
}

type Shape = 'rows' | 'raw' | 'pluck'

class HandleStatement implements SqliteStatement {
  readonly #handle: SqliteHandle
  readonly #sql: string
  #shape: Shape = 'rows'
  #generation: number
  #statement: SqliteStatement

  constructor(handle: SqliteHandle, sql: string) {
    this.#handle = handle
    this.#sql = sql
    this.#generation = handle.generation
    this.#statement = handle.db.prepare(sql)
  }

  run(...parameters: unknown[]): { readonly changes: number } {
    return this.#current().run(...parameters)
  }

  get(...parameters: unknown[]): unknown {
    return this.#current().get(...parameters)
  }

  all(...parameters: unknown[]): unknown[] {
    return this.#current().all(...parameters)
  }

  raw(): this {
    return this.#as('raw')
  }

  pluck(): this {
    return this.#as('pluck')
  }

  #as(shape: Shape): this {
    this.#shape = shape
    this.#statement = shaped(this.#statement, shape)
    return this
  }

  #current(): SqliteStatement {
    if (this.#generation !== this.#handle.generation) {
      this.#statement = shaped(this.#handle.db.prepare(this.#sql), this.#shape)
      this.#generation = this.#handle.generation
    }
    return this.#statement
  }
}

function shaped(statement: SqliteStatement, shape: Shape): SqliteStatement {
  return shape === 'rows' ? statement : statement[shape]()
}

// As long as a file is open nothing else gets its number.
function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}
