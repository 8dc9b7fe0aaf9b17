/**
 * Whom a request is meant for (RFC 9110 §7.2): the target URI is made of the Host field, and not of
 * the address that the request is sent to. The two differ where a server is asked by its address, and
 * below undici's `dns()`.
 */
import { eachHeader } from '../http/header-fields.ts'

/**
 * The origin of the target URI: the given one where Host says the same in other letters.
 * @param sentTo an origin as URLs spell it
 * @returns undefined where the field names no host, or in a way that servers may read otherwise
 */
export function targetOrigin(sentTo: string, host: string): string | undefined {
  const known = knownTargets.get(sentTo)?.get(host)
  if (known !== undefined) return known
  const target = readTarget(sentTo, host)
  if (target !== undefined) remember(sentTo, host, target)
  return target
}

/** Where a request is meant for, by its fields; undefined where they do not say, or nonsense. */
export function targetOf(sentTo: string, headers: unknown): string | undefined {
  const hosts: string[] = []
  eachHeader(headers, (name, value) => {
    if (name.length === 4 && name.toLowerCase() === 'host') hosts.push(value)
  })
  return hosts.length === 1 ? targetOrigin(sentTo, hosts[0]!) : undefined
}

// What URLs would change (escapes, other forms of addresses, a port with zeros) reaches the server as
// it is: two spellings of which nobody knows whether they mean the same must not share.
function readTarget(sentTo: string, host: string): string | undefined {
  if (!/^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d+)?$/.test(host)) return undefined
  const scheme = sentTo.slice(0, sentTo.indexOf(':') + 3)
  const url = URL.parse(scheme + host)
  if (url === null) return undefined
  const written = host.toLowerCase()
  const defaultPort = url.protocol === 'https:' ? ':443' : ':80'
  const isSame = written === url.host || written === url.host + defaultPort
  return isSame ? url.origin : undefined
}

// Below `dns()` every request has the field. Bounded, for names may come from outside.
const knownTargets = new Map<string, Map<string, string>>()
const maxKnown = 1000
let known = 0

function remember(sentTo: string, host: string, target: string): void {
  if (++known > maxKnown) {
    knownTargets.clear()
    known = 1
  }
  const hosts = knownTargets.get(sentTo)
  if (hosts === undefined) knownTargets.set(sentTo, new Map([[host, target]]))
  else hosts.set(host, target)
}
