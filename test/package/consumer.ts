/**
 * Is the package what its users need? It is packed, installed into empty folders as a user would,
 * and used there: nothing is taken from this repository but the tarball.
 */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { npm, run, runNode } from './commands.ts'
import * as programs from './programs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>
}

const published = /^package\/(?:dist\/.+|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/

let failures = 0

/** One line for each thing that is checked; the others are checked all the same. */
async function check(what: string, test: () => unknown): Promise<boolean> {
  const began = performance.now()
  try {
    await test()
    const took = `${((performance.now() - began) / 1000).toFixed(1)} s`
    console.log(`${styleText('green', 'ok  ')} ${what} ${styleText('dim', took)}`)
    return true
  } catch (error) {
    failures++
    console.log(`${styleText('red', 'FAIL')} ${what}\n${(error as Error).message}\n`)
    return false
  }
}

function emptyProject(folder: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "name": "consumer", "private": true }\n')
}

async function checkTarball(tarball: string, folder: string): Promise<void> {
  await check('the tarball holds what is published, and nothing else', async () => {
    const files = (await run('tar', ['-tzf', tarball], folder)).trim().split(/\r?\n/)
    const others = files.filter(
      (file) => !published.test(file) || /\.test\.|\.ts$(?<!\.d\.ts)/.test(file),
    )
    assert.deepEqual(others, [])
    assert.ok(files.includes('package/dist/index.js') && files.includes('package/LICENSE'))
  })
  await check('no file names a path of the machine that built it', async () => {
    await run('tar', ['-xzf', tarball], folder)
    const unpacked = join(folder, 'package')
    const files = readdirSync(unpacked, { recursive: true, withFileTypes: true })
    const telling = files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
      .filter((file) => readFileSync(file, 'utf8').includes(root))
    assert.deepEqual(telling, [])
  })
  await check('publint has nothing to say', async () => {
    const tools = join(folder, 'publint')
    emptyProject(tools)
    await npm(tools, 'install', `publint@${devDependencies['publint']}`)
    await run('npm', ['exec', '--', 'publint', 'run', tarball, '--strict'], tools)
  })
}

async function checkPrograms(project: string): Promise<void> {
  const cached = { seen: ['answer 1', false, 'answer 1', true], file: true, warnings: [] }
  for (const [name, text] of Object.entries({
    mjs: programs.esmProgram,
    cjs: programs.cjsProgram,
  })) {
    await check(`a program in .${name} gets a hit from SQLite`, async () => {
      writeFileSync(join(project, `program.${name}`), text)
      assert.deepEqual(await runNode(`program.${name}`, project), cached)
      rmSync(join(project, 'responses.sqlite'), { force: true })
    })
  }
  await check('undici-cache/testing can be imported', async () => {
    writeFileSync(join(project, 'testing.mjs'), programs.testingProgram)
    const offered = (await runNode('testing.mjs', project)) as string[]
    assert.ok(offered.includes('testStorage') && offered.includes('testCache'), offered.join())
  })
  await check('npx undici-cache lists what a program has stored, and ends as it says', async () => {
    writeFileSync(join(project, 'program.mjs'), programs.esmProgram)
    await runNode('program.mjs', project)
    const npx = (...args: string[]): Promise<string> =>
      run('npm', ['exec', '--', 'undici-cache', ...args], project)
    assert.match(await npx('--version'), /^\d+\.\d+\.\d+\n$/)
    assert.match(await npx('--help'), /^Usage: undici-cache /)
    const listed = await npx('ls', 'sqlite:responses')
    assert.match(listed, /^[\w-]{43}\tGET\t200\t.*\thttp:\/\/127\.0\.0\.1:\d+\/\n$/)
    await npx('export', 'sqlite:responses', 'responses.har')
    assert.match(await npx('import', 'file:imported', 'responses.har'), /1 stored/)
    await assert.rejects(npx('ls', 'sqlite:absent'), /there is no cache at sqlite:absent/)
    rmSync(join(project, 'responses.sqlite'))
  })
}

const driverOf = {
  redis: 'ioredis',
  mongodb: 'mongodb',
  gridfs: 'mongodb',
  dynamodb: '@aws-sdk/client-dynamodb',
  RedisCache: 'ioredis',
  MongoCache: 'mongodb',
  GridFSCache: 'mongodb',
  DynamoDbCache: '@aws-sdk/client-dynamodb',
} as const
const drivers = [...new Set(Object.values(driverOf))]

async function checkWithoutNetworkDrivers(project: string): Promise<void> {
  await check('npm installs no driver of a networked backend', () => {
    const installed = drivers.filter((name) => existsSync(join(project, 'node_modules', name)))
    assert.deepEqual(installed, [])
  })
  for (const [name, text] of Object.entries({
    mjs: programs.esmWithoutDriversProgram,
    cjs: programs.cjsWithoutDriversProgram,
  })) {
    await check(`in .${name} each networked backend says what to install`, async () => {
      writeFileSync(join(project, `drivers.${name}`), text)
      const thrown = await runNode(`drivers.${name}`, project)
      for (const [way, driver] of Object.entries(driverOf)) {
        const [code, message] = (thrown as Record<string, [string, string]>)[way] ?? []
        assert.equal(code, 'ERR_CACHE_DRIVER_MISSING', way)
        const install = new RegExp(`npm install ${driver}$`, 'm')
        assert.match(message!, install, way)
      }
    })
  }
}

async function checkTypes(project: string): Promise<void> {
  for (const name of ['typed.mts', 'typed.cts']) {
    writeFileSync(join(project, name), programs.typedProgram)
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(programs.consumerTsconfig))
  const types = `@types/node@${devDependencies['@types/node']}`
  // TypeScript 7 is another program than all before it.
  for (const compiler of [devDependencies['typescript'] ?? 'latest', '^5.9.0']) {
    for (const undici of ['8', '7']) {
      await check(`strict .mts and .cts: TypeScript ${compiler}, undici ${undici}`, async () => {
        await npm(project, 'install', `typescript@${compiler}`, types, `undici@${undici}`)
        await run('npm', ['exec', '--', 'tsc'], project)
      })
    }
  }
}

// Last: from here on the drivers are there.
async function checkConnectionTypes(project: string): Promise<void> {
  for (const name of ['typed.mts', 'typed.cts']) {
    writeFileSync(join(project, name), programs.connectionsProgram)
  }
  // Whether the drivers' own declarations are right is not ours to check.
  const { compilerOptions, files } = programs.consumerTsconfig
  const tsconfig = { compilerOptions: { ...compilerOptions, skipLibCheck: true }, files }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig))
  await check("the drivers' own clients are taken as `connection`", async () => {
    const versions = drivers.map((name) => `${name}@${devDependencies[name]}`)
    await npm(project, 'install', ...versions, `typescript@${devDependencies['typescript']}`)
    await run('npm', ['exec', '--', 'tsc'], project)
  })
}

async function checkWithoutDriver(project: string): Promise<void> {
  rmSync(join(project, 'node_modules/better-sqlite3'), { recursive: true })
  writeFileSync(join(project, 'without.mjs'), programs.withoutDriverProgram)
  const told = runNode('without.mjs', project) as Promise<{
    seen: unknown
    file: boolean
    warnings: string[]
    thrown: { name: string; code: string; message: string } | undefined
  }>
  await check('without better-sqlite3 the default is memory, with one warning', async () => {
    const { seen, file, warnings } = await told
    assert.deepEqual({ seen, file }, { seen: ['answer 1', false, 'answer 1', true], file: false })
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert.match(warnings[0]!, /SQLite .* memory .* npm install better-sqlite3/)
  })
  await check("without better-sqlite3 backend: 'sqlite' says what to install", async () => {
    const { thrown } = await told
    assert.equal(thrown?.code, 'ERR_CACHE_DRIVER_MISSING')
    assert.equal(thrown.name, 'CacheError')
    assert.match(thrown.message, /npm install better-sqlite3$/m)
  })
}

const folder = mkdtempSync(join(tmpdir(), 'undici-cache-package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))

const pack = (): Promise<string> => npm(root, 'pack', '--pack-destination', folder)
if (await check('npm builds and packs it', pack)) {
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  )
  await checkTarball(tarball, folder)

  const project = join(folder, 'project')
  emptyProject(project)
  const install = (): Promise<string> => npm(project, 'install', tarball, 'undici')
  if (await check('npm installs it next to undici', install)) {
    await checkPrograms(project)
    await checkWithoutNetworkDrivers(project)
    await checkWithoutDriver(project)
    await checkTypes(project)
    await checkConnectionTypes(project)
  }
}
console.log(failures === 0 ? 'The package is fit for use.' : `Checks failed: ${failures}.`)
if (failures > 0) process.exitCode = 1
