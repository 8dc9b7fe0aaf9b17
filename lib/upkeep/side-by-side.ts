/**
 * Works on many items at once, `atOnce` of them at the most; those of one key one after the other,
 * in their order.
 * @throws what the first failed `work` throws, when none is under way any more
 */
export async function sideBySide<T>(
  items: AsyncIterable<T>,
  atOnce: number,
  keyOf: (item: T) => string,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const lastOfKey = new Map<string, Promise<void>>()
  let failed: { readonly error: unknown } | undefined
  try {
    for await (const item of items) {
      if (underWay.size >= atOnce) await Promise.race(underWay)
      if (failed !== undefined) break
      const key = keyOf(item)
      const run = async (): Promise<void> => {
        await before
        if (failed !== undefined) return
        try {
          await work(item)
        } catch (error) {
          failed ??= { error }
        }
      }
      const before = lastOfKey.get(key)
      const running: Promise<void> = run().finally(() => {
        underWay.delete(running)
        if (lastOfKey.get(key) === running) lastOfKey.delete(key)
      })
      underWay.add(running)
      lastOfKey.set(key, running)
    }
  } finally {
    await Promise.all(underWay)
  }
  if (failed !== undefined) throw failed.error
}
