import { misuse } from '../errors.ts'

/**
 * A URL that can be asked for.
 * @param what is needed
 * @throws TypeError ERR_CACHE_OPTION_INVALID
 */
export function requestUrl(command: string, text: string, what: string = 'a URL'): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return text
  const secure = URL.parse(`https://${text}`)
  const hint =
    url === null && secure?.hostname.includes('.') ? `; did you mean 'https://${text}'?` : ''
  const message = `'${command}' needs ${what} that begins with http:// or https://, got '${text}'${hint}`
  throw misuse('ERR_CACHE_OPTION_INVALID', message)
}

/** Whether it is as all keys begin; what follows names a variant, or the end of a chain. */
export function isKey(text: string): boolean {
  return /^[\w-]{43}(?:\.|$)/.test(text)
}
