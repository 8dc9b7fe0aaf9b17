/** What an exchange ends with that was aborted without a reason: the error that undici has for it. */
export function abortError(): Error {
  const error = new Error('Request aborted')
  return Object.assign(error, { name: 'AbortError', code: 'UND_ERR_ABORTED' })
}
