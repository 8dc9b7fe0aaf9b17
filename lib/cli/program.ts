/** The commands, and how the command line is read; see `run-job.ts` for what happens then. */
import { Command as Parser, CommanderError } from 'commander'
import { addressForms, defaultAddress } from './address.ts'
import { bench } from './bench.ts'
import { exitCodes, type Command, type ExitCode, type Operand } from './command.ts'
import { copy } from './copy.ts'
import { exportHar } from './export.ts'
import { explain } from './explain.ts'
import { get } from './get.ts'
import { history } from './history.ts'
import { importHar } from './import.ts'
import { ls } from './ls.ts'
import { misread } from './misread.ts'
import { version } from './package-version.ts'
import { prune } from './prune.ts'
import { rm } from './rm.ts'
import { runJob, type CommonOptions } from './run-job.ts'
import { show } from './show.ts'
import { stats } from './stats.ts'
import { printed, ReaderGone, watchStreams, type Streams } from './streams.ts'
import { verify } from './verify.ts'

const commands: readonly Command<object>[] = [
  ls,
  show,
  get,
  history,
  rm,
  prune,
  stats,
  verify,
  exportHar,
  importHar,
  copy,
  bench,
]

const about = `Looks into the HTTP caches of undici-cache, and works on them.

A cache has an address: ${addressForms}. Where records are written by a serializer it says so: ?serializer=json, &compress=zstd, and &encrypt=NAME or &sign=NAME, where NAME is an environment variable that holds the secret.

The address is the first argument of a command, or --cache. Without one it is what the variable UNDICI_CACHE says, or else ${defaultAddress}.`

const after = `
Examples:
  $ undici-cache get https://example.com/   fetch it through the cache
  $ undici-cache ls                         what is stored in ${defaultAddress}
  $ undici-cache show https://example.com/  one response, head and body
  $ undici-cache copy sqlite:http_cache "file:dump?serializer=json"

Exit codes: 0 done, 1 failed or nothing found, 2 wrong usage, 130 interrupted.
In a pipe there are no colours (nor with NO_COLOR), and a line of tab-separated
values for each entry. 'undici-cache COMMAND --help' teaches more, by examples.`

/**
 * @param argv without the program's own name
 * @returns how the program ends
 */
export async function runProgram(
  argv: readonly string[],
  streams: Streams = process,
): Promise<ExitCode> {
  const { lost, stop } = watchStreams(streams)
  try {
    const exitCode = await run(argv, streams, lost)
    await printed(streams)
    if (!lost.aborted || lost.reason instanceof ReaderGone) return exitCode
    return explain(streams.stderr, lost.reason, '')
  } finally {
    stop()
  }
}

async function run(
  argv: readonly string[],
  streams: Streams,
  lost: AbortSignal,
): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done
  const parser = createParser(streams)
  for (const command of commands) {
    const sub = addCommand(parser, command)
    sub.action(async () => {
      const options = sub.optsWithGlobals<CommonOptions>()
      exitCode = await runJob(command, sub.args, options, { streams, lost })
    })
  }
  const typed = argv[0] === 'help' ? helpOf(argv[1]) : argv
  const command = typed
    .map((word) => parser.commands.find((each) => each.name() === word))
    .find((each) => each !== undefined)
  try {
    await parser.parseAsync(typed, { from: 'user' })
    return exitCode
  } catch (error) {
    // The value of an option, which is read before there is a job.
    if (!(error instanceof CommanderError)) {
      return explain(streams.stderr, error, command?.name() ?? '')
    }
    // Help and version are nothing wrong.
    if (error.exitCode === 0) return exitCodes.done
    const wrong = misread(error, {
      command: command?.name(),
      commands: commands.map(({ name }) => name),
      options: [...(command?.options ?? []), ...parser.options],
    })
    if (wrong !== undefined) explain(streams.stderr, wrong, command?.name() ?? '')
    return exitCodes.misuse
  }
}

// As git and npm have it.
function helpOf(name: string | undefined): readonly string[] {
  const isUnknown = name !== undefined && !commands.some((each) => each.name === name)
  return [...(name === undefined ? [] : [name]), ...(isUnknown ? [] : ['--help'])]
}

function createParser({ stdout, stderr }: Streams): Parser {
  return new Parser('undici-cache')
    .usage('COMMAND [ADDRESS] [arguments] [options]')
    .description(about)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the program, or a command')
    .helpCommand(false)
    .option('-c, --cache <address>', 'the cache, where it is not the first argument')
    .option('--json', 'print JSON: one document, or of lists one for each line')
    .addHelpText('after', after)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => (stdout.isTTY && stdout.columns) || 80,
      getErrHelpWidth: () => (stderr.isTTY && stderr.columns) || 80,
      // What is wrong is said by misread().
      outputError() {},
    })
}

function addCommand(parser: Parser, command: Command<object>): Parser {
  const { name, summary, about: details, operands, options = [], examples } = command
  const lines = examples.map(([line, what]) => `  # ${what}\n  $ undici-cache ${line}`)
  const address = command.namesCaches ? [] : ['[ADDRESS]']
  const sub = parser
    .command(name)
    .summary(summary)
    .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}. ${details}`)
    .usage([...address, ...operands.map(usageOf), '[options]'].join(' '))
    // Counted where it is known which of them is the address.
    .allowExcessArguments()
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
  if (!command.namesCaches) sub.argument('[ADDRESS]', `of the cache (default: ${defaultAddress})`)
  for (const operand of operands) sub.argument(`[${operand.name}]`, operand.about)
  for (const option of options) sub.addOption(option)
  return sub
}

function usageOf({ name, optional, many }: Operand): string {
  const term = many ? `${name}...` : name
  return optional ? `[${term}]` : term
}
