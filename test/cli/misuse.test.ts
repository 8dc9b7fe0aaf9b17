import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { runCli, runProcess, temporaryFolder } from './run-cli.ts'

/** What is typed, and what the message has to say. */
const mistakes: readonly (readonly [args: string, ...says: readonly string[]])[] = [
  ['lss', "unknown command 'lss'; did you mean 'ls'?", 'There are ls, show, get'],
  ['help lss', "unknown command 'lss'; did you mean 'ls'?"],
  ['nonsense', "unknown command 'nonsense'; there are ls, show, get"],
  ['sqlite:x', "unknown command 'sqlite:x'"],
  ['ls --exprd', "unknown option '--exprd' of 'ls'; did you mean '--expired'?"],
  ['ls -x', "unknown option '-x' of 'ls'; there are --expired, --older-than"],
  ['ls --json=yes', "option '--json' takes no value, got 'yes'"],
  ['--verison', "unknown option '--verison'; did you mean '--version'?"],
  ['ls --limit', "option '--limit' needs a value: no more than so many"],
  ['ls --cache', "option '--cache' needs a value: the cache"],
  ['rm --all --cache=', "option '--cache' must be an address such as", "got ''"],
  ['ls --limit 0', "option '--limit' must be a whole number, 1 or more, got '0'"],
  ['ls --older-than 7x', "option '--older-than' must be an age", "'7d'", "got '7x'"],
  ['ls --status 2000', "option '--status' must be a status", "got '2000'"],
  ['ls --tag=', "option '--tag' must be a tag, got ''"],
  ['ls sqlit:x', "'sqlit:x' is no address", "did you mean 'sqlite:x'?", 'dynamodb:TABLE'],
  ['ls -c x', "'x' is no address", "did you mean 'sqlite:x' or 'file:x'?"],
  ['ls -c sqlite:x file:y', "'ls' works on one cache", 'file:y'],
  ['ls a b', "'ls' takes PATTERN", "got 'b' as well"],
  ['ls file:x?serialiser=json', "unknown option 'serialiser'", "did you mean 'serializer'?"],
  ['ls redis://h/x', 'a database of Redis is a number', "'redis://h/0?namespace=x'"],
  ['ls sqlite:', "'sqlite:' is followed by the path of a file, got nothing"],
  ['ls sqlite::memory:', 'ends with its program'],
  ['ls dynamodb:', 'the name of a table'],
  ['get file:x?serializer=jsn http://a/', "'serializer' must be one of native", "mean 'json'?"],
  ['get file:x?compress=zst http://a/', "'compress' must be one of zstd", "mean 'zstd'?"],
  ['get dynamodb:x http://a/', "address 'dynamodb:x'", '3 to 255', "got 'x'"],
  ['get file:x?encrypt=NOT_SET http://a/', "option 'encrypt'", "'NOT_SET', which is not set"],
  ['show', "'show' needs URL|KEY"],
  ['show example.com/', "'show' needs a key, or a URL", "did you mean 'https://example.com/'?"],
  ['show http://a/ --body --json', "option '--body' cannot be used with '--json'"],
  ['get', "'get' needs URL"],
  ['get example.com/x', "got 'example.com/x'", "did you mean 'https://example.com/x'?"],
  ['get ftp://example.com/', 'http:// or https://', "got 'ftp://example.com/'"],
  ['get http://a/ --expire-after soon', "option '--expire-after' must be an age", "got 'soon'"],
  ['get http://a/ --offline --refresh', '--refresh', 'cannot be used with', '--offline'],
  ['history nothing', "'history' needs a URL"],
  ['rm', "'rm' needs a URL, a key, a condition such as --expired, or --all"],
  ['rm http://a/ --all', 'one of the three at a time'],
  ['rm example.com/*', "got 'example.com/*'", "--match 'example.com/*'"],
  ['stats extra', "'stats' takes nothing besides the address", "got 'extra'"],
  ['verify --repiar', "did you mean '--repair'?"],
  ['export', "'export' needs FILE.har"],
  ['copy sqlite:a sqlite:./a.sqlite', 'FROM and TO are the same cache: sqlite:a'],
  ['copy sqlite:a', "'copy' needs TO"],
  ['copy sqlite:a sqlite:a', 'FROM and TO are the same cache: sqlite:a'],
  ['copy sqlite:a b', "'b' is no address", "did you mean 'sqlite:b'"],
  ['copy -c sqlite:a sqlite:a sqlite:b', "'copy' takes FROM and TO, not --cache"],
  ['bench --bytes many', "option '--bytes' must be a whole number, 1 or more, got 'many'"],
]

for (const [line, ...says] of mistakes) {
  test(`undici-cache ${line}`, async (t) => {
    const folder = temporaryFolder(t)
    const run = line === 'lss' ? runProcess : runCli
    const { code, out, err } = await run(line.split(' '), { folder })
    assert.deepEqual([code, out], [2, ''], err)
    for (const each of says) assert.ok(err.includes(each), `${each}\n${err}`)
    assert.match(err, /^undici-cache: /)
    assert.match(err, /^Try 'undici-cache .*--help'\.$/m)
    assert.doesNotMatch(err, /^ +at /m)
    assert.deepEqual(readdirSync(folder), [])
  })
}

test('a header of a request, which may be a secret, is not repeated', async (t) => {
  const folder = temporaryFolder(t)
  const args = ['get', 'http://a/', '-H', 'Bearer my-secret']
  const { code, err } = await runCli(args, { folder })
  assert.equal(code, 2)
  assert.match(err, /option '--header' must be 'Name: value'/)
  assert.doesNotMatch(err, /my-secret/)
})

test('a password in an address is not repeated, whatever is wrong with it', async (t) => {
  const folder = temporaryFolder(t)
  const addresses = [
    'redis://user:pass-word@127.0.0.1:1/0',
    'redis://:pass-word@127.0.0.1:1/0',
    'redis://user:pass-word@127.0.0.1:1/name',
    'redi://user:pass-word@127.0.0.1:1/0',
    'redis://user:pass-word@@127.0.0.1:1/0',
    'redis-cluster://user:pass-word@127.0.0.1:1,:?/0',
    'mongodb://user:pass-word@127.0.0.1:1/x',
    'mongodb://user:pass-word@127.0.0.1:1/a b',
    'gridfs+mongodb://user:pass-word@/x',
  ]
  for (const address of addresses) {
    const lines = [
      ['ls', address],
      ['--cache', address, 'stats', '--json'],
      [address, 'ls'],
    ]
    for (const line of lines) {
      const { code, out, err } = await runCli(line, { folder })
      assert.ok(code === 1 || code === 2, `${address}: ${code}`)
      assert.equal(out, '')
      assert.doesNotMatch(err, /pass-word/)
    }
  }
})

test('an address in the environment is said to be from there', async (t) => {
  const folder = temporaryFolder(t)
  const { code, err } = await runCli(['ls'], { folder, env: { UNDICI_CACHE: 'my_cache' } })
  assert.equal(code, 2)
  assert.match(err, /variable UNDICI_CACHE: 'my_cache' is no address of a cache; did you mean/)
})

test('without a command it shows its help, as misuse', async (t) => {
  const { code, out, err } = await runCli([], { folder: temporaryFolder(t) })
  assert.deepEqual([code, out], [2, ''])
  assert.equal(err.match(/^Usage: /gm)?.length, 1)
})
