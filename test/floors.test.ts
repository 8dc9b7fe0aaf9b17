/** Imports point down: from a room of the house to those below it, and never up. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const lib = join(import.meta.dirname, '..', 'lib')

/** Folders of `lib/`, and the files beside them, from the roof to the ground. */
const floors = [
  'index.ts',
  'cli',
  'testing',
  'har',
  'install.ts',
  'interceptor.ts',
  'exchange',
  'options',
  'backends',
  'cache',
  'upkeep',
  'entries',
  'response',
  'serializers',
  'request',
  'policy',
  'secrets',
  'http',
  'storage',
  'check-options.ts',
  'events.ts',
  'errors.ts',
  'loop-turn.ts',
  'timers.ts',
  'loop-timers.ts',
  'maybe-promise.ts',
  'units.ts',
]

/** Types that may be named from below: what a stored response is. */
const known = ['entries/entry.ts']

interface Arrow {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

function filesOf(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return all.filter((path) => path.endsWith('.ts')).map((path) => join(folder, path))
}

const importPattern =
  /(?:import|export)\s+(type\s+)?[^;'"]*?from '(\.[^']*)'|import\('(\.[^']*)'\)/g

function arrowsOf(path: string): Arrow[] {
  return Array.from(readFileSync(path, 'utf8').matchAll(importPattern), (match) => ({
    from: relative(lib, path),
    to: relative(lib, resolve(dirname(path), match[2] ?? match[3]!)),
    isType: match[1] !== undefined,
  }))
}

function floorOf(path: string): number {
  const room = path.split('/')[0]!
  const floor = floors.indexOf(room)
  assert.notEqual(floor, -1, `${room} stands on no floor: add it to the list where it belongs`)
  return floor
}

test('no import goes up', () => {
  const arrows = filesOf(lib).flatMap(arrowsOf)
  assert.ok(arrows.length > 500, `${arrows.length} imports were found`)
  const up = arrows.filter(
    ({ from, to, isType }) => floorOf(from) > floorOf(to) && !(isType && known.includes(to)),
  )
  assert.deepEqual(
    up.map(({ from, to }) => `${from} -> ${to}`),
    [],
  )
})

test('every floor is there', () => {
  const rooms = readdirSync(lib)
  assert.deepEqual(
    floors.filter((room) => !rooms.includes(room)),
    [],
  )
  assert.deepEqual(
    rooms.filter((room) => !floors.includes(room)),
    [],
  )
})
