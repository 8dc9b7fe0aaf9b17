/** Kinds of trouble with a server, and where each can be made. */
import type { HarmedServer } from '../networked/harmed-server.ts'
import type { TcpProxy, Troubles } from '../networked/tcp-proxy.ts'

/** What a trouble is made with. */
export interface Means {
  readonly server: HarmedServer
  /** Missing where the driver finds its way around a proxy: a Cluster and Sentinels name their nodes. */
  readonly proxy?: TcpProxy | undefined
}

/** One kind of trouble. */
export interface Trouble {
  readonly name: string
  /** For `--help`. */
  readonly sentence: string
  readonly needsProxy: boolean
  begin(means: Means): Promise<void> | void
  end(means: Means): Promise<void> | void
}

function byProxy(name: string, sentence: string, troubles: Troubles): Trouble {
  return {
    name,
    sentence,
    needsProxy: true,
    begin: ({ proxy }) => proxy!.trouble(troubles),
    end: ({ proxy }) => proxy!.trouble(),
  }
}

/** All of them, the commonest first. */
export const troubles: readonly Trouble[] = [
  {
    name: 'killed',
    sentence: 'all processes of the server are killed, and started again',
    needsProxy: false,
    begin: ({ server }) => server.kill(),
    end: ({ server }) => server.restart(),
  },
  {
    name: 'frozen',
    sentence: 'the server takes connections and answers nothing (SIGSTOP)',
    needsProxy: false,
    begin: ({ server }) => server.freeze(),
    end: ({ server }) => server.thaw(),
  },
  byProxy('late', 'each answer comes 1.5 s late', { toClient: { delay: 1_500 } }),
  byProxy('a bit late', 'each answer comes 0.3 s late', { toClient: { delay: 300 } }),
  byProxy('held', 'nothing arrives, in one direction only', { toClient: { held: true } }),
  byProxy('trickle', '100 bytes of the answers each 20 ms', {
    toClient: { pieceBytes: 100, pieceEvery: 20 },
  }),
  byProxy('cut', 'each connection breaks after 20 000 bytes', { toClient: { cutAfter: 20_000 } }),
]
