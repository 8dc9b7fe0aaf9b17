/**
 * A program that closes its cache while the server is away: `closing-program.ts place url`, the place
 * as JSON. It prints how long that took, and has to end by itself.
 */
import { Agent, request } from 'undici'
import { cacheInterceptor } from '../../lib/index.ts'
import { budget } from './outage-client.ts'
import type { Place } from './harmed-server.ts'

const [place = '', url = ''] = process.argv.slice(2)
const caching = cacheInterceptor({ ...(JSON.parse(place) as Place), storageTimeout: budget })
const bare = new Agent()
const dispatcher = bare.compose(caching)

// The server dies between its look-up and its being stored, where it is not dead already.
const response = await request(url, { dispatcher })
await response.body.dump()

const begin = performance.now()
await caching.close()
console.log(Math.round(performance.now() - begin))
await bare.close()
