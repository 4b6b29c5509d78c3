import type { Condition, ListeningSocket, ObjectStatusReport } from '@tidemill/gateway/admin'
import type { Output } from './output.ts'
import { renderTable } from './render/table.ts'

/** What the admin API, or a file, says of a gateway's objects. */
export interface GatewayStatus {
  readonly revision: number
  readonly objects: readonly ObjectStatusReport[]
  readonly sockets: readonly ListeningSocket[]
}

const quiet: ReadonlySet<string> = new Set([
  'Secret',
  'ConfigMap',
  'Service',
  'Namespace',
  'EndpointSlice',
])

/** Whether everything is as its author wants it. */
export function isHealthy(status: GatewayStatus): boolean {
  const { objects, sockets } = status
  return (
    sockets.every((socket) => socket.error === undefined) &&
    objects.every(
      (one) => one.state === 'active' && conditionsOf(one).every(([, all]) => all.every(holds)),
    )
  )
}

/** The conditions as kubectl shows them, one object a line, and what is wrong below. */
export function statusText(status: GatewayStatus, out: Pick<Output, 'style'>): string[] {
  const lines: string[] = []
  if (status.sockets.length > 0) {
    for (const socket of status.sockets) lines.push(socketText(socket, out))
    lines.push('')
  }
  const rows: string[][] = []
  const wrong: string[] = []
  for (const one of status.objects) {
    if (quiet.has(one.kind) && one.state === 'active') continue
    const parents = conditionsOf(one)
    if (parents.length === 0) rows.push([one.kind, one.key, '', stateText(one), ''])
    for (const [parent, conditions] of parents) {
      const attached = one.listeners.find((listener) => listener.name === parent)?.attachedRoutes
      const shown = conditions.map((c) => `${c.type}=${c.status}`).join(' ')
      rows.push([one.kind, one.key, parent, shown, attached === undefined ? '' : String(attached)])
    }
    wrong.push(...wrongText(one, out))
  }
  const columns = [
    { title: 'KIND' },
    { title: 'NAME' },
    { title: 'PARENT OR LISTENER' },
    { title: 'CONDITIONS' },
    { title: 'ROUTES', align: 'right' as const },
  ]
  lines.push(...renderTable(columns, rows))
  if (wrong.length > 0) lines.push('', ...wrong)
  return lines
}

export function socketText(socket: ListeningSocket, out: Pick<Output, 'style'>): string {
  const names = socket.gateways.join(', ')
  if (socket.error !== undefined) {
    return `${out.style('red', 'not bound')}  ${names}  ${socket.address}:${socket.port}  ${socket.error}`
  }
  const url = socketUrl(socket)
  return `${out.style('green', 'listens')}  ${names}  ${out.style('cyan', url)}  ${socket.protocols.join(', ')}`
}

/** How a client on this machine writes the address. */
export function socketUrl({ address, boundPort, protocols, transport }: ListeningSocket): string {
  const wildcard = address === '0.0.0.0' || address === '::' || address === ''
  const host = wildcard ? '127.0.0.1' : address.includes(':') ? `[${address}]` : address
  const scheme = protocols.includes('HTTPS')
    ? 'https'
    : protocols.includes('HTTP')
      ? 'http'
      : protocols.includes('TLS')
        ? 'tls'
        : transport
  return `${scheme}://${host}:${boundPort}`
}

/** Conditions by parent or listener; those of the object itself under an empty name. */
function conditionsOf(one: ObjectStatusReport): (readonly [string, readonly Condition[]])[] {
  return [
    ...(one.conditions.length > 0 ? [['', one.conditions] as const] : []),
    ...one.listeners.map((listener) => [listener.name, listener.conditions] as const),
    ...one.parents.map(({ ref, conditions }) => {
      const section = ref.sectionName === undefined ? '' : `#${ref.sectionName}`
      const namespace = ref.namespace === undefined ? '' : `${ref.namespace}/`
      return [`${namespace}${ref.name}${section}`, conditions] as const
    }),
  ]
}

/** Most conditions are good when true; these are bad then. */
const negative: ReadonlySet<string> = new Set([
  'Conflicted',
  'OverlappingTLSConfig',
  'PartiallyInvalid',
])

function holds(one: Condition): boolean {
  return negative.has(one.type) ? one.status !== 'True' : one.status === 'True'
}

function stateText(one: ObjectStatusReport): string {
  return one.state === 'active'
    ? 'in force'
    : one.state === 'last-good'
      ? 'the version before is in force'
      : 'not in force'
}

function wrongText(one: ObjectStatusReport, out: Pick<Output, 'style'>): string[] {
  const name = `${one.kind} ${one.key}`
  const place = one.origin === undefined ? '' : ` (${one.origin})`
  return [
    ...(one.state === 'active' ? [] : [`${out.style('red', name)}${place}: ${stateText(one)}`]),
    ...one.problems.map(({ path, message }) => `  ${path} ${message}`),
    ...conditionsOf(one).flatMap(([parent, conditions]) =>
      conditions
        .filter((condition) => !holds(condition))
        .map(
          ({ type, reason, message }) =>
            `${out.style('red', name)}${place}${parent === '' ? '' : ` at ${parent}`}: ${type} ${reason}: ${message}`,
        ),
    ),
    ...one.warnings.map(
      ({ path, message }) => `${out.style('yellow', name)}${place}: warning: ${path} ${message}`,
    ),
  ]
}
