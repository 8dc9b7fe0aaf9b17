/** Response bodies of a given size: text that compresses like real JSON, and bytes that do not. */
import { randomBytes } from 'node:crypto'

/** JSON of exactly so many bytes; another text for each number. */
export function jsonBody(bytes: number, number: number): Buffer {
  const random = sequence(number + 1)
  const items: string[] = []
  const end = ']}'
  let text = `{"page":${number},"items":[`
  for (let length = text.length + end.length; ;) {
    const item = JSON.stringify(record(random))
    length += item.length + 1
    if (length > bytes) break
    items.push(item)
  }
  text += items.join(',') + end
  // White space is what JSON allows at the end.
  return Buffer.from(text.padEnd(bytes))
}

/** So many bytes that no compression makes shorter, as those of an image. */
export function imageBody(bytes: number): Buffer {
  return randomBytes(bytes)
}

const words = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'heron'] as const

function record(random: () => number): Record<string, unknown> {
  const word = (): string => words[Math.floor(random() * words.length)]!
  return {
    id: Math.floor(random() * 1e9),
    name: `${word()} ${word()}`,
    price: Math.round(random() * 1e5) / 100,
    tags: [word(), word()],
    available: random() < 0.5,
  }
}

// mulberry32: the same bodies in each run.
function sequence(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
