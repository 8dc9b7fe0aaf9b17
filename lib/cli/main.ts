#!/usr/bin/env node
/** The program `undici-cache`. */
import { runProgram } from './program.ts'

process.exitCode = await runProgram(process.argv.slice(2))
