import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { FormData as UndiciFormData } from 'undici'
import { keyBody } from '../../lib/request/normalize-body.ts'
import { readBody } from '../../lib/request/read-body.ts'

const type = 'text/plain'
const digest = keyBody(type, Buffer.from('hello')).digest

describe('a body that is at hand', () => {
  const hello = Buffer.from('hello')
  const wide = new Uint8Array([0, ...hello, 0])
  const bodies: [name: string, body: unknown][] = [
    ['text', 'hello'],
    ['a Buffer', hello],
    ['a Uint8Array', new Uint8Array(hello)],
    ['a view', new DataView(wide.buffer, 1, 5)],
    ['an ArrayBuffer', new Uint8Array(hello).buffer],
  ]
  for (const [name, body] of bodies) {
    test(`${name} is digested at once and handed on as it is`, () => {
      assert.deepEqual(readBody(body, type, 5), { digest, body })
    })

    test(`${name} beyond the limit has no digest`, () => {
      assert.deepEqual(readBody(body, type, 4), { digest: undefined, body })
    })
  }

  test('text is counted in bytes', () => {
    assert.deepEqual(readBody('ü', type, 1), { digest: undefined, body: 'ü' })
  })
})

describe('a body that has to be awaited', () => {
  test('a Blob keeps its own type, where the caller names none', async () => {
    const body = new Blob(['hello'], { type })
    assert.deepEqual(await readBody(body, undefined, 5), { digest, body })
    assert.notEqual((await readBody(body, 'text/html', 5)).digest, digest)
  })

  test('a Blob beyond the limit is not read', () => {
    const body = new Blob(['hello'])
    assert.deepEqual(readBody(body, type, 4), { digest: undefined, body })
  })

  for (const [name, Form] of [['Node', FormData] as const, ['undici', UndiciFormData] as const]) {
    test(`a form of ${name}`, async () => {
      const body = new Form()
      body.append('a', 'x')
      const read = await readBody(body, undefined, 2)
      assert.equal(read.body, body)
      assert.match(read.digest ?? '', /^[\w-]{43}$/)
      assert.deepEqual(readBody(body, undefined, 1), { digest: undefined, body })
    })
  }
})

describe('a stream', () => {
  const sources: [name: string, make: (chunks: unknown[]) => unknown][] = [
    ['a Readable', (chunks) => Readable.from(chunks)],
    ['an async generator', (chunks) => generate(chunks)],
    ['a ReadableStream', (chunks) => ReadableStream.from(chunks)],
    ['an array', (chunks) => chunks],
  ]
  for (const [name, make] of sources) {
    test(`${name} is read into one Buffer`, async () => {
      const read = await readBody(make([Buffer.from('hel'), 'lo']), type, 5)
      assert.equal(read.digest, digest)
      assert.deepEqual(read.body, Buffer.from('hello'))
    })

    test(`${name} that is empty`, async () => {
      const read = await readBody(make([]), type, 5)
      assert.equal(read.digest, keyBody(type, Buffer.alloc(0)).digest)
      assert.deepEqual(read.body, Buffer.alloc(0))
    })

    test(`${name} beyond the limit goes on as it came`, async () => {
      const read = await readBody(make(['hello', ' ', 'world', '!']), type, 5)
      assert.equal(read.digest, undefined)
      assert.equal(await readText(read.body as AsyncIterable<Uint8Array>), 'hello world!')
    })
  }

  test('any chunks, below and above the limit', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 5 }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(chunks, fc.nat(12), async (list, limit) => {
        const whole = Buffer.concat(list)
        const read = await readBody(generate(list), type, limit)
        const fits = whole.byteLength <= limit
        assert.equal(read.digest, fits ? keyBody(type, whole).digest : undefined)
        const body = fits ? [read.body] : await Array.fromAsync(read.body as AsyncIterable<unknown>)
        assert.deepEqual(Buffer.concat(body as Uint8Array[]), whole)
      }),
    )
  })

  test('holds no view of what its source uses again', async () => {
    const memory = Buffer.from('hello')
    const read = await readBody(generate([memory]), type, 5)
    memory.fill(0)
    assert.deepEqual(read.body, Buffer.from('hello'))
  })

  test('what fails goes on failing, with what came before', async () => {
    const failure = new Error('disk on fire')
    const read = await readBody(failing(failure), type, 10)
    assert.equal(read.digest, undefined)
    const seen: unknown[] = []
    const consume = async (): Promise<void> => {
      for await (const chunk of read.body as AsyncIterable<unknown>) seen.push(String(chunk))
    }
    await assert.rejects(consume, failure)
    assert.deepEqual(seen, ['begun'])
  })

  test('an odd chunk goes on in its place', async () => {
    const odd = { odd: true }
    const read = await readBody(generate(['a', odd, 'b']), type, 10)
    assert.equal(read.digest, undefined)
    const seen = await Array.fromAsync(read.body as AsyncIterable<unknown>)
    assert.deepEqual(
      seen.map((chunk) => (chunk === odd ? odd : String(chunk))),
      ['a', odd, 'b'],
    )
  })

  test('is not read on while nobody wants the rest', async () => {
    let produced = 0
    async function* endless(): AsyncGenerator<string> {
      for (;;) {
        produced++
        yield 'x'
      }
    }
    const read = await readBody(endless(), type, 3)
    await nextTurn()
    assert.equal(produced, 4)
    await (read.body as AsyncGenerator).return(undefined)
  })

  test('ends its source when it is ended early', async () => {
    const source = Readable.from(['hello', 'world'])
    const read = await readBody(source, type, 3)
    const rest = read.body as AsyncGenerator
    await rest.next()
    await rest.return(undefined)
    assert.ok(source.destroyed)
  })

  test('lets a generator clean up that is ended early', async () => {
    let cleaned = false
    async function* source(): AsyncGenerator<string> {
      try {
        yield 'hello'
        yield 'world'
      } finally {
        cleaned = true
      }
    }
    const read = await readBody(source(), type, 3)
    const rest = read.body as AsyncGenerator
    await rest.next()
    await rest.return(undefined)
    assert.ok(cleaned)
  })

  test('what is no body at all has no digest', () => {
    for (const body of [5, {}, true]) {
      assert.deepEqual(readBody(body, type, 5), { digest: undefined, body })
    }
  })
})

async function* generate(chunks: readonly unknown[]): AsyncGenerator {
  yield* chunks
}

async function* failing(error: Error): AsyncGenerator<string> {
  yield 'begun'
  throw error
}
