import type { HttpHeaderFilter } from '../router/index.ts'

/** The value of the first field of that name in a flat list; undefined when there is none. */
export function fieldValue(list: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < list.length; i += 2) if (list[i] === name) return list[i + 1]
  return undefined
}

/** Removes every field of that name. */
export function removeField(list: string[], name: string): void {
  let kept = 0
  for (let i = 0; i + 1 < list.length; i += 2) {
    if (list[i] === name) continue
    if (kept !== i) {
      list[kept] = list[i] as string
      list[kept + 1] = list[i + 1] as string
    }
    kept += 2
  }
  list.length = kept
}

/** Puts one field of that name in the place of all. */
export function setField(list: string[], name: string, value: string): void {
  for (let i = 0; i + 1 < list.length; i += 2) {
    if (list[i] !== name) continue
    list[i + 1] = value
    // Usually it is there once.
    for (let j = i + 2; j + 1 < list.length; j += 2) {
      if (list[j] !== name) continue
      list.splice(j, 2)
      j -= 2
    }
    return
  }
  list.push(name, value)
}

/** Framing and the connection are not a route's to change. */
const untouchable: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** A header modifier with its names in lower case. */
interface FieldEdit {
  readonly set: readonly string[]
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

const edits = new WeakMap<HttpHeaderFilter, FieldEdit>()

function editOf(filter: HttpHeaderFilter): FieldEdit {
  let edit = edits.get(filter)
  if (edit === undefined) {
    edit = {
      set: flat(filter.set),
      add: flat(filter.add),
      remove: (filter.remove ?? [])
        .map((name) => name.toLowerCase())
        .filter((name) => !untouchable.has(name)),
    }
    edits.set(filter, edit)
  }
  return edit
}

function flat(fields: HttpHeaderFilter['set']): readonly string[] {
  const list: string[] = []
  for (const { name, value } of fields ?? []) {
    const lower = name.toLowerCase()
    if (!untouchable.has(lower)) list.push(lower, value.trim())
  }
  return list
}

/** Applies header modifiers in place, each as set, add, remove (HTTPHeaderFilter). */
export function modifyFields(list: string[], filters: readonly HttpHeaderFilter[]): void {
  for (let f = 0; f < filters.length; f++) {
    const { set, add, remove } = editOf(filters[f] as HttpHeaderFilter)
    for (let i = 0; i + 1 < set.length; i += 2)
      setField(list, set[i] as string, set[i + 1] as string)
    for (let i = 0; i + 1 < add.length; i += 2)
      addField(list, add[i] as string, add[i + 1] as string)
    for (let i = 0; i < remove.length; i++) removeField(list, remove[i] as string)
  }
}

/** Gateway API: adding to a field that exists appends to its value; cookies cannot be joined. */
function addField(list: string[], name: string, value: string): void {
  if (name !== 'set-cookie') {
    for (let i = 0; i + 1 < list.length; i += 2) {
      if (list[i] !== name) continue
      list[i + 1] = `${list[i + 1] as string},${value}`
      return
    }
  }
  list.push(name, value)
}
