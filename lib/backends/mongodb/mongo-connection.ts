/** The parts of the driver that the storages in MongoDB use, and how they ask. */

/** A `MongoClient`. */
export interface MongoConnection {
  connect(): Promise<unknown>
  db(name: string): MongoDatabase
}

/** A client that we have made ourselves. */
export interface OwnMongoConnection extends MongoConnection {
  on(event: 'topologyDescriptionChanged', listener: (event: TopologyChange) => void): unknown
  close(): Promise<void>
}

/** What the driver tells of the servers, as often as it learns something of them. */
export interface TopologyChange {
  readonly newDescription: {
    readonly servers: ReadonlyMap<string, { readonly type: string; readonly error: Error | null }>
  }
}

/** A `Db`. */
export interface MongoDatabase {
  readonly databaseName: string
  readonly client: { connect(): Promise<unknown> }
  command(command: object): Promise<object>
  collection(name: string, options?: object): MongoCollection
}

/** A `Collection`. */
export interface MongoCollection {
  readonly collectionName: string
  findOne(filter: object, options?: object): Promise<object | null>
  find(filter: object, options?: object): MongoCursor
  aggregate(pipeline: object[], options?: object): MongoCursor
  replaceOne(filter: object, document: object, options?: object): Promise<{ matchedCount: number }>
  updateOne(filter: object, update: object): Promise<{ matchedCount: number }>
  deleteOne(filter: object): Promise<{ deletedCount: number }>
  deleteMany(filter: object): Promise<{ deletedCount: number }>
  bulkWrite(operations: readonly object[], options?: object): Promise<unknown>
  countDocuments(filter: object, options?: object): Promise<number>
  createIndex(keys: Record<string, 1>, options?: object): Promise<unknown>
}

/** Documents, batch by batch. */
export interface MongoCursor {
  hasNext(): Promise<boolean>
  readBufferedDocuments(): object[]
  close(): Promise<unknown>
}

/** Runs one command, once the client is connected. */
export type Ask = <T>(command: () => Promise<T>) => Promise<T>

/** Documents of a page: few enough for the server not to give a cursor up between two of them. */
export const pageDocuments = 500

/** The documents of a cursor, in batches as the server sends them. */
export async function* pagesOf<D>(ask: Ask, cursor: MongoCursor): AsyncGenerator<D[]> {
  try {
    while (await ask(() => cursor.hasNext())) yield cursor.readBufferedDocuments() as D[]
  } finally {
    // Where that fails the server gives it up by itself.
    cursor.close().catch(() => {})
  }
}

/** All documents of a cursor that has few. */
export async function allOf<D>(ask: Ask, cursor: MongoCursor): Promise<D[]> {
  return (await Array.fromAsync(pagesOf<D>(ask, cursor))).flat()
}
