import { misuse } from '../errors.ts'

/** A URL that can be asked for. @throws TypeError ERR_CACHE_OPTION_INVALID */
export function requestUrl(command: string, text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return text
  const secure = URL.parse(`https://${text}`)
  const hint =
    url === null && secure?.hostname.includes('.') ? `; did you mean 'https://${text}'?` : ''
  const message = `'${command}' needs a URL that begins with http:// or https://, got '${text}'${hint}`
  throw misuse('ERR_CACHE_OPTION_INVALID', message)
}
