/** Each row of the README's table is tried, and each name of requests-cache has a row. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nearestName } from '../../lib/errors.ts'
import { cacheInterceptor } from '../../lib/index.ts'
import { callRules, optionRules } from '../../lib/options/option-rules.ts'
import { backendChecks } from './backends.ts'
import { clientChecks } from './clients.ts'
import { contentChecks } from './contents.ts'
import type { Checks } from './desk.ts'
import { factChecks } from './facts.ts'
import { lifetimeChecks } from './lifetimes.ts'
import { optionChecks } from './options.ts'
import { codeOf, namesOf, readRows } from './readme-table.ts'
import { serializerChecks } from './serializers.ts'
import { serverChecks } from './servers.ts'
import { storageChecks } from './storages.ts'
import { theirNames } from './their-names.ts'

const groups = [
  clientChecks,
  optionChecks,
  lifetimeChecks,
  factChecks,
  contentChecks,
  backendChecks,
  storageChecks,
  serializerChecks,
  serverChecks,
]
const checks: Checks = Object.assign({}, ...groups)
const rows = readRows()

describe('README, "Coming from requests-cache"', () => {
  test('each row has a check, and each check a row', () => {
    const names = rows.map(({ there }) => there)
    const has = new Set(names)
    assert.deepEqual(
      {
        'rows without a check': names.filter((name) => !Object.hasOwn(checks, name)),
        'checks without a row': Object.keys(checks).filter((name) => !has.has(name)),
      },
      { 'rows without a check': [], 'checks without a row': [] },
    )
    assert.equal(new Set(names).size, names.length, 'a row stands there twice')
    const made = groups.reduce((sum, group) => sum + Object.keys(group).length, 0)
    assert.equal(made, names.length, 'a check is in two groups')
  })

  test('each name of theirs has a row', () => {
    const words = new Set(rows.flatMap(({ there }) => codeOf(there)).flatMap(wordsOf))
    assert.deepEqual(
      theirNames.filter((name) => !words.has(name)),
      [],
    )
  })

  test('a row without a name of ours says why', () => {
    for (const { there, here, why } of rows) assert.ok(here !== '' || why.length > 20, there)
  })

  test('an option in their spelling is refused with the right one', () => {
    for (const name of [...Object.keys(optionRules), ...Object.keys(callRules)]) {
      const theirs = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      if (theirs === name) continue
      const known = Object.keys(name in optionRules ? optionRules : callRules)
      assert.equal(nearestName(theirs, known), name)
    }
    const others = {
      expire_after: 'expireAfter',
      db_path: 'cacheName',
      namespace: 'cacheName',
      table_name: 'cacheName',
      old_data_on_error: 'staleIfError',
      include_get_headers: 'matchHeaders',
      content_root_key: 'ignoredParameters',
      filter_fn: 'filter',
      use_temp: 'backendOptions: { useTemp',
      use_cache_dir: 'backendOptions: { useCacheDir',
      fast_save: 'backendOptions: { fastSave',
      host: 'backendOptions: { host',
    }
    for (const [theirs, ours] of Object.entries(others)) {
      const refused = {
        code: 'ERR_CACHE_OPTION_UNKNOWN',
        message: new RegExp(`'${theirs}'; .*${ours}`),
      }
      assert.throws(() => cacheInterceptor({ [theirs]: 60 }), refused)
    }
  })

  for (const { there, here } of rows) {
    test(there, async (t) => {
      const check = checks[there]
      assert.ok(check !== undefined, 'it has no check')
      // Or the table could promise what nobody tries.
      const tried = check.toString()
      for (const name of namesOf(here)) assert.ok(tried.includes(name), `${name} is not tried`)
      await check(t)
    })
  }
})

function wordsOf(code: string): string[] {
  return [code, ...(code.match(/[\w-]+/g) ?? [])]
}
