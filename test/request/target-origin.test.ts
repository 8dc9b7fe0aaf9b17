import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readHead } from '../../lib/request/read-request.ts'
import { targetOrigin } from '../../lib/request/target-origin.ts'
import { requestOf, type Asked } from './request-of.ts'

describe('whom a request is meant for', () => {
  const cases: [host: string, origin: string | undefined][] = [
    ['a.example', 'http://a.example'],
    ['A.Example', 'http://a.example'],
    ['a.example:80', 'http://a.example'],
    ['a.example:8080', 'http://a.example:8080'],
    ['a.example.', 'http://a.example.'],
    ['a_b.example', 'http://a_b.example'],
    ['10.0.0.2', 'http://10.0.0.2'],
    ['[::1]', 'http://[::1]'],
    ['[::1]:80', 'http://[::1]'],
    // Servers may take these for something else than URLs do.
    ['', undefined],
    [' a.example', undefined],
    ['a.example ', undefined],
    ['a.exa\tmple', undefined],
    ['a.example:', undefined],
    ['a.example:080', undefined],
    ['a.example:99999', undefined],
    ['a.example/path', undefined],
    ['a.example?', undefined],
    ['user@a.example', undefined],
    ['a.example\\b', undefined],
    ['a%2eexample', undefined],
    ['a.example,b.example', undefined],
    ['bücher.example', undefined],
    ['127.1', undefined],
    ['0x7f.0.0.1', undefined],
    ['[0:0::1]', undefined],
    ['http://a.example', undefined],
  ]
  for (const [host, origin] of cases) {
    test(JSON.stringify(host), () => {
      for (const _ of ['first', 'known by now']) {
        assert.equal(targetOrigin('http://10.0.0.1', host), origin)
      }
    })
  }

  test('the default port is that of the scheme', () => {
    assert.equal(targetOrigin('https://10.0.0.1', 'a.example:443'), 'https://a.example')
    assert.equal(targetOrigin('https://10.0.0.1', 'a.example:80'), 'https://a.example:80')
    assert.equal(targetOrigin('http://10.0.0.1', 'a.example:443'), 'http://a.example:443')
  })
})

const hosted = (host: string, origin = 'http://10.0.0.1'): Asked => ({ origin, headers: { host } })

describe('the key', () => {
  const different: [name: string, one: Asked, other: Asked][] = [
    ['two hosts at one address', hosted('a.example'), hosted('b.example')],
    ['a host and none', hosted('a.example'), { origin: 'http://10.0.0.1' }],
    ['one host at two addresses', hosted('a.example'), hosted('a.example', 'http://10.0.0.2')],
    ['a host at an address, and itself', hosted('a.example'), { origin: 'http://a.example' }],
    ['hosts with other ports', hosted('a.example'), hosted('a.example:8080')],
    [
      'one key of the caller, two servers',
      { ...hosted('a.example'), customKey: 'mine' },
      { ...hosted('a.example', 'http://10.0.0.2'), customKey: 'mine' },
    ],
    [
      'a path that looks like it',
      { ...hosted('a.example') },
      { origin: 'http://a.example', path: '/ via:http://10.0.0.1' },
    ],
  ]
  for (const [name, one, other] of different) {
    test(`of its own: ${name}`, () => {
      assert.notEqual(requestOf(one).key, requestOf(other).key)
    })
  }

  const equal: [name: string, one: Asked, other: Asked][] = [
    ['capitals', hosted('a.example'), hosted('A.EXAMPLE')],
    ['the default port', hosted('a.example'), hosted('a.example:80')],
    [
      'the host that is asked anyway',
      { origin: 'http://a.example', headers: { HOST: 'A.example:80' } },
      { origin: 'http://a.example' },
    ],
    [
      'a host that is ignored',
      { ...hosted('a.example'), match: { ignoredParameters: ['Host'] } },
      { origin: 'http://10.0.0.1', match: { ignoredParameters: ['Host'] } },
    ],
    [
      'fields that count, which Host does as part of the URL',
      { origin: 'http://a.example', headers: { host: 'a.example' }, match: { matchHeaders: true } },
      { origin: 'http://a.example', match: { matchHeaders: true } },
    ],
  ]
  for (const [name, one, other] of equal) {
    test(`is the same: ${name}`, () => assert.equal(requestOf(one).key, requestOf(other).key))
  }

  test('its text has both, and the URL is that of the host', () => {
    const { url, via, text } = requestOf({ ...hosted('A.example'), path: '/x?b=1&a=2' })
    assert.equal(url, 'http://a.example/x?b=1&a=2')
    assert.equal(via, 'http://10.0.0.1')
    assert.equal(text, 'GET http://a.example/x?a=2&b=1 via:http://10.0.0.1')
  })

  test('what is told to functions is the URL of the host', () => {
    const told: string[] = []
    const tell = ({ url }: { url: string }): undefined => void told.push(url)
    requestOf({ ...hosted('a.example'), match: { keyFn: tell, identity: tell } })
    assert.deepEqual(told, ['http://a.example/', 'http://a.example/'])
  })
})

test('a Host field that is none, or is there twice, is not understood', () => {
  for (const headers of [
    { host: 'a b' },
    { host: '' },
    { host: null },
    ['host', 'a', 'Host', 'a'],
  ]) {
    const head = readHead({ method: 'GET', origin: 'http://10.0.0.1', path: '/', headers })
    assert.equal(head, 'host')
  }
})
