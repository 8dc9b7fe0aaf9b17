/** Asks two URLs through a cache, as a user who may have to do without it, and prints what became. */
import { Agent, request } from 'undici'
import type { CacheOptions } from '../../lib/options/options.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'

const [url = '', given = '{}'] = process.argv.slice(2)
const errors: { readonly code: string; readonly message: string }[] = []
const caching = cacheInterceptor({
  ...(JSON.parse(given) as CacheOptions),
  onError: ({ code, message }) => errors.push({ code, message }),
})
const dispatcher = new Agent().compose(caching)
const got = []
for (const path of ['/stored', '/new', '/new']) {
  const response = await request(url + path, { dispatcher })
  got.push([await response.body.text(), getCacheInfo(response)?.hit])
  await new Promise((resolve) => setTimeout(resolve, 20))
}
await caching.close()
await dispatcher.close()
console.log(JSON.stringify({ got, errors }))
