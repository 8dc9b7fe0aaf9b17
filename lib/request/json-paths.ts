/**
 * Places in a JSON value: `token` is a member of the outermost object, `user.session.id` one
 * further inside, `items[].id` one of each element of a list, `[].id` where the list is outermost.
 * Names are compared without regard to case.
 */

/** All places that were named, as a tree that is walked along with the value. */
export interface JsonPaths {
  /** A path ends here: the value is one of those that were named. */
  readonly ends: boolean
  /** By names in lower case. */
  readonly members: ReadonlyMap<string, JsonPaths>
  readonly elements: JsonPaths | undefined
}

interface Node extends JsonPaths {
  ends: boolean
  readonly members: Map<string, Node>
  elements: Node | undefined
}

/** @returns undefined where nothing is named */
export function readJsonPaths(names: Iterable<string>): JsonPaths | undefined {
  const root = newNode()
  for (const name of names) {
    // A member may have dots in its very name, as in `user.id`.
    memberOf(root, name).ends = true
    const end = follow(root, name)
    if (end !== undefined) end.ends = true
  }
  return root.members.size === 0 ? undefined : root
}

// What is no path, such as `filter[name]`, names a member and nothing else.
function follow(root: Node, path: string): Node | undefined {
  const pieces = path.split('.').map((piece) => /^([^[\]]*)((?:\[\])*)$/.exec(piece))
  let at = root
  for (const [index, piece] of pieces.entries()) {
    const [, name = '', lists = ''] = piece ?? []
    if (name !== '') at = memberOf(at, name)
    else if (index > 0 || lists === '') return undefined
    for (let i = 0; i < lists.length; i += 2) at = at.elements ??= newNode()
  }
  return at
}

function memberOf(node: Node, name: string): Node {
  const lower = name.toLowerCase()
  const known = node.members.get(lower)
  if (known !== undefined) return known
  const made = newNode()
  node.members.set(lower, made)
  return made
}

function newNode(): Node {
  return { ends: false, members: new Map(), elements: undefined }
}
