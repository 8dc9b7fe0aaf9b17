/** What is meant by names of options that are none here: those of other caches, and of backends. */

// What other HTTP caches call it, where no edit distance would find our name.
const otherNames: Readonly<Record<string, string>> = {
  dbpath: 'cacheName',
  dbname: 'cacheName',
  tablename: 'cacheName',
  namespace: 'cacheName',
  path: 'cacheName',
  store: 'backend',
  ttl: 'expireAfter',
  maxage: 'expireAfter',
  olddataonerror: 'staleIfError',
  staleonerror: 'staleIfError',
  filterfn: 'filter',
  includegetheaders: 'matchHeaders',
  credentialheaders: 'isolate',
  sensitiveheaders: 'isolate',
  contentrootkey: "ignoredParameters: ['root.name']",
  origins: 'urlsExpireAfter',
  methods: 'allowableMethods',
  statuses: 'allowableCodes',
  statuscodes: 'allowableCodes',
  maxentrysize: 'maxBodyBytes',
}

const ofBackends = [
  'useTemp',
  'useCacheDir',
  'timeout',
  'onCorrupt',
  'fastSave',
  'hotTierBytes',
  'maxCacheBytes',
  'url',
  'host',
  'port',
  'cluster',
  'sentinels',
  'connection',
  'region',
  'endpoint',
  'credentials',
  'createTable',
  'consistentRead',
  'operationTimeout',
  'commandTimeout',
]

/** What to write in the place of an unknown option; undefined where nothing is known of it. */
export function hintFor(option: string): string | undefined {
  const name = plain(option)
  const ours = Object.hasOwn(otherNames, name) ? otherNames[name] : undefined
  if (ours !== undefined) return `did you mean '${ours}'?`
  const known = ofBackends.find((each) => plain(each) === name)
  return known && `it is one of the backend: backendOptions: { ${known}: … }`
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}
