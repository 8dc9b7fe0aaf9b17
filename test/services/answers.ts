/** Whether a server answers, asked in its own protocol: an open port is not yet a server. */
import { connect } from 'node:net'

const patience = 1000

/** @returns whether the server behind a URL, as in the variables of the tests, answers */
export async function answers(url: string): Promise<boolean> {
  const { protocol, port } = new URL(url)
  if (protocol === 'mongodb:') return mongoAnswers(url)
  return protocol === 'http:' ? httpAnswers(url) : redisAnswers(Number(port))
}

/** A refusal for want of a password is an answer too; one while it loads its data is not yet. */
function redisAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'))
    socket.setTimeout(patience, () => finish(false))
    socket.once('data', (reply) => finish(/^(\+PONG|-NOAUTH)/.test(reply.toString('latin1'))))
    socket.once('error', () => finish(false))
    socket.once('close', () => finish(false))
    function finish(result: boolean): void {
      socket.destroy()
      resolve(result)
    }
  })
}

async function httpAnswers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience) })
    await response.arrayBuffer()
    return true
  } catch {
    return false
  }
}

async function mongoAnswers(url: string): Promise<boolean> {
  // Imported here, since it takes longer to load than a Redis to start.
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(withoutUser(url), {
    serverSelectionTimeoutMS: patience,
    connectTimeoutMS: patience,
    socketTimeoutMS: patience,
  })
  try {
    const { isWritablePrimary } = await client.db('admin').command({ hello: 1 })
    return isWritablePrimary === true
  } catch {
    return false
  } finally {
    await client.close()
  }
}

/** A greeting needs no user, and the one of the URL may still have to be created. */
function withoutUser(url: string): string {
  const open = new URL(url)
  open.username = ''
  open.password = ''
  return open.href
}
