/** What commander finds wrong with a command line, said as everything else here is. */
import type { CommanderError } from 'commander'
import { misuse, nearestName } from '../errors.ts'

/** What could have been meant. */
export interface Known {
  /** Of the command that was typed; undefined where there is none. */
  readonly command: string | undefined
  readonly commands: readonly string[]
  /** As they are written: `-n, --limit <count>`, and what they are for. */
  readonly options: readonly { readonly flags: string; readonly description: string }[]
}

/** @returns undefined where it is said best by commander itself */
export function misread(error: CommanderError, known: Known): TypeError | undefined {
  const [, name = ''] = /'([^']*)'/.exec(error.message) ?? []
  if (error.code === 'commander.unknownCommand') return unknownCommand(name, known)
  if (error.code === 'commander.unknownOption') return unknownOption(name, known)
  if (error.code === 'commander.optionMissingArgument') {
    const option = known.options.find(({ flags }) => flags === name)
    const [long = name] = /--[\w-]+/.exec(name) ?? []
    const what = option === undefined ? '' : `: ${option.description}`
    const message = `option '${long}' needs a value${what}`
    return misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  if (error.code === 'commander.conflictingOption') {
    const message = error.message.replace(/^error: /, '')
    return misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  return undefined
}

function unknownCommand(name: string, { commands }: Known): TypeError {
  const nearest = nearestName(name, commands)
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
  const message = `unknown command '${name}'${hint || ';'} There are ${commands.join(', ')}`
  return misuse('ERR_CACHE_OPTION_UNKNOWN', hint ? message : message.replace('; There', '; there'))
}

function unknownOption(written: string, { command, options }: Known): TypeError {
  const [name = written, value] = written.split(/=(.*)/s)
  const of = command === undefined ? '' : ` of '${command}'`
  const names = options.flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? [])
  if (names.includes(name)) {
    const message = `option '${name}' takes no value, got '${value}'`
    return misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  // One letter is near every other one.
  const nearest = name.startsWith('--') ? nearestName(name, names) : undefined
  const hint =
    nearest === undefined ? `; there are ${names.join(', ')}` : `; did you mean '${nearest}'?`
  return misuse('ERR_CACHE_OPTION_UNKNOWN', `unknown option '${name}'${of}${hint}`)
}
