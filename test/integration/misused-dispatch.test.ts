import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as undici from 'undici'
import { Agent, type Dispatcher } from 'undici'
import { RecordingHandler } from '../response/recording-handler.ts'
import { cachedAgent } from './caches.ts'

// undici 7 wraps whatever it is handed before an interceptor sees it.
const wraps = !('Dispatcher1Wrapper' in undici)

const options = { origin: 'http://a.example', path: '/', method: 'GET' }

/** How dispatch() fails: by what it throws, or what the handler is told. */
function failureOf(dispatcher: Dispatcher, given: unknown, handler: unknown): unknown[] {
  const facts = (error: Error): unknown[] => [error.name, error.message, Reflect.get(error, 'code')]
  try {
    dispatcher.dispatch(given as Dispatcher.DispatchOptions, handler as Dispatcher.DispatchHandler)
  } catch (error) {
    return ['thrown', ...facts(error as Error)]
  }
  const { errors } = handler as RecordingHandler
  return ['told', errors.length, ...errors.flatMap(facts)]
}

describe('what undici does not take fails with the error that undici has for it', () => {
  const cases: [name: string, given: unknown, handler: () => unknown][] = [
    ['no handler', options, () => undefined],
    ['null as handler', options, () => null],
    ['a handler without methods', options, () => ({})],
    ['a function as handler', options, () => () => {}],
    ['no options', undefined, () => new RecordingHandler()],
    ['null as options', null, () => new RecordingHandler()],
    ['no path', { ...options, path: undefined }, () => new RecordingHandler()],
    ['null as path', { ...options, path: null }, () => new RecordingHandler()],
    ['a path without a slash', { ...options, path: 'a' }, () => new RecordingHandler()],
    ['a number as path', { ...options, path: 5 }, () => new RecordingHandler()],
    ['no method', { ...options, method: undefined }, () => new RecordingHandler()],
    ['null as method', { ...options, method: null }, () => new RecordingHandler()],
    ['an origin that is none', { ...options, origin: 'a b' }, () => new RecordingHandler()],
    ['a number as header', { ...options, headers: 5 }, () => new RecordingHandler()],
    ['fields that are none', { ...options, headers: new Set([5]) }, () => new RecordingHandler()],
    ['half a field', { ...options, headers: ['a'] }, () => new RecordingHandler()],
    ['a number as body', { ...options, method: 'POST', body: 5 }, () => new RecordingHandler()],
    ['two hosts', { ...options, headers: { host: ['a', 'b'] } }, () => new RecordingHandler()],
    [
      'host twice',
      { ...options, headers: ['host', 'a', 'Host', 'b'] },
      () => new RecordingHandler(),
    ],
  ]
  for (const [name, given, handler] of cases) {
    const takesAnything = wraps && !(handler() instanceof RecordingHandler)
    test(name, { skip: takesAnything && 'undici 7 takes it' }, async (t) => {
      const { agent } = cachedAgent(t)
      const bare = new Agent()
      t.after(() => bare.destroy())
      assert.deepEqual(failureOf(agent, given, handler()), failureOf(bare, given, handler()))
    })
  }
})
