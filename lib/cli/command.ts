/** What a command of the program is: its help, its arguments, and its work. */
import type { Option } from 'commander'
import type { BaseCache } from '../cache/base-cache.ts'
import type { Address } from './address.ts'
import type { Access } from './open-cache.ts'
import type { Output } from './output.ts'

/** How the program ends. */
export const exitCodes = {
  done: 0,
  /** Or nothing was found. */
  failed: 1,
  misuse: 2,
  /** By Ctrl-C: as a shell says of a program that a signal has ended. */
  interrupted: 130,
} as const

/** One of `exitCodes`. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** An argument, besides the address of the cache. */
export interface Operand {
  readonly name: string
  readonly about: string
  readonly optional?: true
  readonly many?: true
}

/** One command; its file holds nothing that takes long to load. */
export interface Command<O extends object> {
  readonly name: string
  /** One line, for the list of commands. */
  readonly summary: string
  /** What else there is to know. */
  readonly about: string
  readonly operands: readonly Operand[]
  /** Where the operands are addresses themselves. */
  readonly namesCaches?: true
  readonly options?: readonly Option[]
  readonly examples: readonly Example[]
  /** @throws TypeError with a code for misuse; anything else for what has failed */
  run(job: Job<O>): Promise<ExitCode>
}

/** A line that can be typed, and what it does. */
export type Example = readonly [line: string, about: string]

/** What a command is given. */
export interface Job<O extends object> {
  readonly operands: readonly string[]
  readonly options: O
  readonly output: Output
  /** Aborted when the program is to end. */
  readonly signal: AbortSignal
  /** Of the cache that the command is about. */
  readonly address: Address
  /** Opens a cache, by default this one; it is closed when the command has ended. */
  open(access: Access, address?: Address): Promise<BaseCache>
  /** How many entries could not be read until now, as far as the cache has told. */
  unreadable(): number
  /** Lets go of the loop now and then; to be called for each of many things that are done. */
  pause(): Promise<void>
}
