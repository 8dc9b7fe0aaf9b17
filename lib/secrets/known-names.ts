/** What is found out about a name is remembered: programs write few names, again and again. */

// Names may come from outside, too.
const maxNames = 1000
// Longer ones come from outside, if at all, and would fill the memory.
const longestName = 100

/** The given function, which is asked once for each name. */
export function knownAs<T extends string | number>(find: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>()
  return (name) => {
    const before = known.get(name)
    if (before !== undefined) return before
    const found = find(name)
    if (name.length <= longestName) {
      if (known.size >= maxNames) known.clear()
      // A copy: a piece of a text keeps the whole text in memory.
      known.set(Buffer.from(name).toString(), found)
    }
    return found
  }
}
