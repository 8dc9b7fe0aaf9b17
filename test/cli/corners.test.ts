import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fillCache } from './filled-cache.ts'
import { runCli } from './run-cli.ts'

describe('undici-cache', () => {
  test('takes a folder of that name for no cache', async (t) => {
    const { folder } = await fillCache(t)
    mkdirSync(join(folder, 'other.example'))
    const { code, err } = await runCli(['ls', 'other.example'], { folder })
    assert.equal(code, 1)
    assert.match(err, /nothing of the kind/)
  })

  test('copies between files whose names differ by an ending', async (t) => {
    const { folder } = await fillCache(t)
    copyFileSync(join(folder, 'http_cache.sqlite'), join(folder, 'cache.v1'))
    const args = ['copy', 'sqlite:cache.v1', 'sqlite:cache.v1.sqlite']
    const { code, err } = await runCli(args, { folder })
    assert.equal(code, 0, err)
    const same = await runCli(['copy', 'sqlite:cache', 'sqlite:./cache.sqlite'], { folder })
    assert.equal(same.code, 2)
    assert.match(same.err, /same cache/)
  })

  test('blames the command that was typed', async (t) => {
    const { folder } = await fillCache(t)
    const { code, err } = await runCli(['verify', 'ls', '--bogus'], { folder })
    assert.equal(code, 2)
    assert.match(err, /of 'verify'/)
    assert.match(err, /undici-cache verify --help/)
  })

  test('refuses a query that is none', async (t) => {
    const { folder } = await fillCache(t)
    const { code } = await runCli(['ls', 'sqlite:http_cache??'], { folder })
    assert.equal(code, 2)
  })
})
