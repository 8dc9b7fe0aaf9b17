/** A session as a browser saves it: HTTP/2 names, joined lines, decoded bodies, and odd ends. */

type Pairs = Readonly<Record<string, string>>

interface Visit {
  readonly url: string
  readonly method?: string
  readonly status?: number
  readonly sent?: Pairs
  readonly got?: Pairs
  readonly content?: object
  readonly postData?: object
}

const pairs = (of: Pairs): object[] => Object.entries(of).map(([name, value]) => ({ name, value }))

function entry({ url, method = 'GET', status = 200, sent, got, content, postData }: Visit): object {
  return {
    startedDateTime: '2026-11-01T10:00:00.000Z',
    time: 12.5,
    request: {
      method,
      url,
      httpVersion: 'http/2.0',
      cookies: [],
      headers: pairs({ ':authority': 'example.com', ':method': method, ...sent }),
      queryString: [],
      headersSize: -1,
      bodySize: 0,
      ...(postData && { postData }),
    },
    response: {
      status,
      statusText: '',
      httpVersion: 'http/2.0',
      cookies: [],
      headers: pairs({ ':status': String(status), ...got }),
      content: content ?? { size: 0, mimeType: 'x-unknown', text: '' },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait: 10, receive: 2.5 },
  }
}

const text = (body: string): object => ({ size: body.length, mimeType: 'text/plain', text: body })
const site = 'https://example.com'

/** What `session.har` holds. */
export const recordedSession: object = {
  log: {
    version: '1.2',
    creator: { name: 'A browser with "quotes" and a \\', version: '1' },
    pages: [{ entries: [{ no: 'entry' }] }],
    entries: [
      entry({
        url: `${site}/`,
        sent: { 'accept-encoding': 'gzip, br', 'cache-control': 'no-cache', pragma: 'no-cache' },
        got: {
          'content-type': 'text/html; charset=ISO-8859-1',
          'content-encoding': 'br',
          'content-length': '9',
          'set-cookie': 'a=1\nb=2',
          vary: 'Accept-Encoding',
        },
        content: { size: 16, mimeType: 'text/html', text: '<h1>Grüße</h1>' },
      }),
      entry({
        url: `${site}/a.png`,
        content: { size: 2, mimeType: 'image/png', text: 'Af8=', encoding: 'base64' },
      }),
      entry({ url: `${site}/moved`, status: 301, got: { location: '/' } }),
      entry({
        url: `${site}/session`,
        sent: { cookie: 'session=1234567890' },
        content: text('yours'),
      }),
      entry({
        url: `${site}/search`,
        method: 'POST',
        sent: { 'content-type': 'application/json' },
        postData: { mimeType: 'application/json', text: '{"a":1,"b":2}' },
        content: text('found'),
      }),
      entry({ url: `${site}/changed`, sent: { 'if-none-match': '"1"' }, content: text('new') }),
      entry({ url: `${site}/missing`, status: 404, content: text('nothing') }),
      entry({ url: `${site}/blocked`, status: 0 }),
      entry({ url: `${site}/same`, status: 304 }),
      entry({ url: `${site}/part`, status: 206, content: text('pa') }),
      entry({
        url: `${site}/private`,
        got: { 'cache-control': 'no-store' },
        content: text('secret'),
      }),
      entry({ url: `${site}/`, method: 'DELETE', content: text('gone') }),
      entry({ url: 'data:text/plain,x', content: text('x') }),
      entry({ url: `${site}/huge`, content: { size: 5, mimeType: 'text/plain' } }),
      { request: 'odd' },
    ],
    comment: 'and more',
  },
}
