import type { Problem } from '@tidemill/core'
import { storedKey } from '../configuration/object-store.ts'
import { gatewayErrors } from '../errors.ts'
import { isFields } from '../object-check.ts'
import { objectKindOf, objectKinds } from '../objects/object-kind.ts'
import type { ObjectMeta } from '../router/index.ts'
import { type AdminAnswer, document, withStatus } from './admin-answer.ts'
import type { AdminObject, AdminObjects, ObjectWrite } from './admin-objects.ts'
import type { AdminRequest } from './admin-request.ts'
import { redactObject } from './redaction.ts'
import { expectation } from './write-condition.ts'

/** What becomes of one object of a batch. */
export interface PlannedObject {
  readonly kind: string
  readonly key: string
  readonly action: 'create' | 'change' | 'keep' | 'delete'
  /** As it is now, secrets hidden; null for none. */
  readonly before: unknown
}

/** A text of more than this is refused: what etcd takes. */
const longestText = 1536 * 1024

/** `/v1/objects` and what is below it. */
export class ObjectPaths {
  readonly #objects: AdminObjects
  readonly #conditional: boolean

  constructor(objects: AdminObjects, conditional: boolean) {
    this.#objects = objects
    this.#conditional = conditional
  }

  /** Undefined when the method is none of these. */
  async answer(request: AdminRequest, rest: readonly string[]): Promise<AdminAnswer | undefined> {
    const { method } = request
    if (rest.length <= 1) {
      if (method === 'GET') return this.#list(rest[0])
      return method === 'POST' && rest.length === 0 ? this.#batch(request) : undefined
    }
    const [kind = '', ...names] = rest
    const known = objectKinds.get(kind)
    if (known === undefined || names.length !== (known.namespaced ? 2 : 1)) {
      throw gatewayErrors.error('TM_GATEWAY_OBJECT_UNKNOWN', { kind, key: names.join('/') })
    }
    const key = names.join('/')
    if (method === 'GET') return this.#read(kind, key)
    if (method === 'PUT') return this.#put(request, kind, key)
    return method === 'DELETE' ? this.#delete(request, kind, key) : undefined
  }

  async #list(kind: string | undefined): Promise<AdminAnswer> {
    if (kind !== undefined && !objectKinds.has(kind)) {
      throw gatewayErrors.error('TM_GATEWAY_OBJECT_UNKNOWN', { kind, key: '' })
    }
    const all = await this.#objects.list()
    const shown = all.filter((one) => kind === undefined || one.kind === kind)
    return document('gateway-objects', { objects: shown.map(described) })
  }

  async #read(kind: string, key: string): Promise<AdminAnswer> {
    const found = await this.#objects.get(kind, key)
    if (found === undefined) throw gatewayErrors.error('TM_GATEWAY_OBJECT_UNKNOWN', { kind, key })
    return document('gateway-object', described(found), ['etag', `"${found.revision}"`])
  }

  async #put(request: AdminRequest, kind: string, key: string): Promise<AdminAnswer> {
    const value = request.json()
    const problems: Problem[] = []
    const checked = checkObject(value, '', problems)
    if (checked !== undefined && (checked.kind !== kind || checked.key !== key)) {
      const message = `must be ${kind} ${key}, as the path says`
      problems.push({ path: '/metadata', message, received: `${checked.kind} ${checked.key}` })
    }
    refuse(problems)
    const before = await this.#objects.get(kind, key)
    const condition = this.#condition(request, kind, key)
    const revision = await this.#objects.write([
      { kind, key, text: JSON.stringify(value), ...condition },
    ])
    const answer = document('gateway-write', { kind, key, revision }, ['etag', `"${revision}"`])
    return before === undefined ? withStatus(answer, 201) : answer
  }

  async #delete(request: AdminRequest, kind: string, key: string): Promise<AdminAnswer> {
    const condition = this.#condition(request, kind, key)
    if ((await this.#objects.get(kind, key)) === undefined) {
      throw gatewayErrors.error('TM_GATEWAY_OBJECT_UNKNOWN', { kind, key })
    }
    const revision = await this.#objects.write([{ kind, key, text: undefined, ...condition }])
    return document('gateway-write', { kind, key, revision })
  }

  #condition(request: AdminRequest, kind: string, key: string): Pick<ObjectWrite, 'expect'> {
    const expect = expectation(request.header('if-match'), request.header('if-none-match'))
    if (expect === 'never') throw gatewayErrors.error('TM_GATEWAY_OBJECT_CHANGED', { kind, key })
    if (expect !== undefined) return { expect }
    if (!this.#conditional) return {}
    throw gatewayErrors.error('TM_GATEWAY_OBJECT_UNCONDITIONAL', { kind, key })
  }

  async #batch(request: AdminRequest): Promise<AdminAnswer> {
    const { objects, prune } = request.fields((fields, check) => {
      const list = fields['objects']
      check.known('', fields, ['objects', 'prune'])
      if (!Array.isArray(list)) check.wrong('/objects', list, 'a list of objects')
      return { objects: Array.isArray(list) ? (list as unknown[]) : [], prune: fields['prune'] }
    })
    const problems: Problem[] = []
    const seen = new Set<string>()
    const writes: ObjectWrite[] = []
    for (const [i, value] of objects.entries()) {
      const checked = checkObject(value, `/objects/${i}`, problems)
      if (checked === undefined) continue
      const id = `${checked.kind} ${checked.key}`
      if (seen.has(id)) problems.push({ path: `/objects/${i}`, message: `${id} is there already` })
      seen.add(id)
      writes.push({ ...checked, text: JSON.stringify(value) })
    }
    refuse(problems)
    const now = await this.#objects.list()
    const plan = planWrites(writes, now, prune === true)
    const changes = plan.filter(({ action }) => action !== 'keep')
    const shown = plan.map(({ write, action, before }) => ({
      kind: write.kind,
      key: write.key,
      action,
      before: before === undefined ? null : redactObject(JSON.parse(before.text)),
    }))
    const dryRun = request.flag('dryRun')
    const revision =
      dryRun || changes.length === 0
        ? null
        : await this.#objects.write(
            // What was looked at is what is replaced.
            changes.map(({ write: { kind, key, text }, before }) => ({
              kind,
              key,
              text,
              expect: before?.revision ?? 0,
            })),
          )
    return document('gateway-apply', { dryRun, revision, objects: shown })
  }
}

function planWrites(
  writes: readonly ObjectWrite[],
  now: readonly AdminObject[],
  prune: boolean,
): {
  readonly write: ObjectWrite
  readonly action: PlannedObject['action']
  readonly before: AdminObject | undefined
}[] {
  const held = new Map(now.map((one) => [`${one.kind} ${one.key}`, one]))
  const plan = writes.map((write) => {
    const before = held.get(`${write.kind} ${write.key}`)
    held.delete(`${write.kind} ${write.key}`)
    const action: PlannedObject['action'] =
      before === undefined ? 'create' : before.text === write.text ? 'keep' : 'change'
    return { write, action, before }
  })
  if (!prune) return plan
  const rest = [...held.values()].filter((one) => one.origin === undefined)
  return [
    ...plan,
    ...rest.map((before) => ({
      write: { kind: before.kind, key: before.key, text: undefined },
      action: 'delete' as const,
      before,
    })),
  ]
}

/** Kind and key of a valid object; otherwise what is wrong with it is added to the problems. */
function checkObject(
  value: unknown,
  path: string,
  problems: Problem[],
): { readonly kind: string; readonly key: string } | undefined {
  const known = isFields(value) ? objectKindOf(value) : undefined
  if (known === undefined || !isFields(value)) {
    const expected = 'an object of a kind that the gateway reads'
    problems.push({ path, message: `must be ${expected}`, expected })
    return undefined
  }
  const found = known.validate(value)
  for (const one of found) problems.push({ ...one, path: `${path}${one.path}` })
  if (JSON.stringify(value).length > longestText) {
    problems.push({ path, message: `must have at most ${longestText} characters` })
  }
  if (found.length > 0) return undefined
  return { kind: known.kind, key: storedKey(known.kind, value['metadata'] as ObjectMeta) }
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  throw gatewayErrors.error('TM_GATEWAY_OBJECT_INVALID', { count: problems.length, problems })
}

/** An object as a document shows it. */
export function described(one: AdminObject): unknown {
  const { kind, key, revision, origin = null } = one
  return { kind, key, revision, origin, object: redactObject(parsed(one.text)) }
}

/** A file may hold what is no valid object; it is never shown as it stands. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
