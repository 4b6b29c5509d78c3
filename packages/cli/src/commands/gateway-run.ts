import {
  type GatewayService,
  type GatewayServiceOptions,
  type ListeningSocket,
  openGatewayService,
} from '@tidemill/gateway/admin'
import { openKv } from '@tidemill/kv'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { tokenToServe } from '../gateway-client.ts'
import { drainWithProgress } from '../gateway-drain-progress.ts'
import { portError } from '../gateway-listening.ts'
import { gatewayLog } from '../gateway-log.ts'
import { problemText, readValidFiles } from '../gateway-manifests.ts'
import { readBackendFlags, readListenFlags, readPlace } from '../gateway-places.ts'
import { changeText, editText } from '../gateway-run-text.ts'
import { socketText, socketUrl } from '../gateway-status-text.ts'

const schema = 'tidemill.gateway-run.v1'
/** How long idle connections stay after Ctrl-C, and when the rest is cut off. */
const leave = { graceMs: 500, timeoutMs: 30_000 }

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const asked = Promise.withResolvers<typeof leave>()
  signal.addEventListener('abort', () => asked.resolve(leave), { once: true })
  if (signal.aborted) asked.resolve(leave)
  const paths = flags.strings('file')
  const kvUrl = flags.string('kv')
  if (paths.includes('-')) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: 'standard input cannot be followed',
      suggestion: 'Write the manifests to a file and name it with -f.',
    })
  }
  // Everything that is wrong is told before anything is opened.
  if (paths.length > 0 || kvUrl === undefined) {
    const { problems } = await readValidFiles(paths)
    for (const one of problems) out.note(problemText(one))
  }
  const options = await serviceOptions(invocation, (times) => asked.resolve(times))
  await using kv = kvUrl === undefined ? undefined : await openKv({ url: kvUrl })
  let ready = false
  const told = new Set<string>()
  /** Says where it listens that was not said before. */
  const tellSockets = (): void => {
    const lines = service.runtime.sockets().map((socket) => socketText(socket, out))
    for (const line of lines) if (!told.has(line)) out.line(line)
    told.clear()
    for (const line of lines) told.add(line)
  }
  const log = gatewayLog(out, flags.boolean('verbose'))
  await using service = await openGatewayService({
    ...options,
    ...(kv === undefined ? {} : { kv }),
    logger: {
      // A socket that cannot be opened at the start is what the command fails with.
      log(level, message, fields) {
        if (ready || fields?.['socket'] === undefined) log.log(level, message, fields)
      },
    },
    onFiles({ problems }) {
      if (!ready) return
      const errors = problems.filter(({ severity }) => severity === 'error')
      if (errors.length === 0) return
      if (out.json) {
        out.record(schema, { event: 'rejected', problems: errors }, '')
        return
      }
      for (const one of errors) out.failure(`${out.style('red', 'not taken')}: ${editText(one)}`)
      out.note('what was in force before stays in force')
    },
    onChange(change) {
      if (!ready) return
      const listeners = listening(service.runtime.sockets())
      if (out.json) out.record(schema, { event: 'changed', ...change, listeners }, '')
      else {
        out.note(changeText(change))
        tellSockets()
      }
    },
  })
  const failed = portError(service.runtime.sockets())
  if (failed !== undefined) throw failed
  announce(invocation, service, tellSockets)
  ready = true
  const times = await asked.promise
  await drainWithProgress(service.runtime, out, times)
  if (out.json) out.record(schema, { event: 'drained' }, '')
  else out.note('drained')
  return exitCode.ok
}

async function serviceOptions(
  { flags }: Invocation,
  drain: (times: typeof leave) => void,
): Promise<GatewayServiceOptions> {
  const admin = flags.string('admin')
  const accessLog = flags.string('access-log') ?? 'off'
  const lastGood = flags.string('last-good')
  const token = admin === undefined ? undefined : await tokenToServe(flags)
  const workers = flags.number('workers') ?? 0
  if (!Number.isInteger(workers) || workers > 256) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `--workers takes a whole number up to 256, not ${workers}`,
      suggestion: 'One per core is usual; 0 serves in this process.',
    })
  }
  return {
    files: flags.strings('file'),
    follow: !flags.boolean('no-watch'),
    backends: readBackendFlags(flags.strings('backend')),
    listen: readListenFlags(flags.strings('listen')),
    workers,
    ...(accessLog === 'off' ? {} : { accessLog: { path: accessLog } }),
    ...(lastGood === undefined ? {} : { lastGood }),
    ...(admin === undefined
      ? {}
      : {
          admin: {
            listen: readPlace(admin, '--admin'),
            ...(token === undefined ? {} : { token }),
          },
        }),
    onDrain: async (graceMs, timeoutMs) => drain({ graceMs, timeoutMs }),
  }
}

/** Where everything is: one JSON document, or a line each. */
function announce(
  { out, flags }: Invocation,
  service: GatewayService,
  tellSockets: () => void,
): void {
  const { runtime, admin } = service
  const sockets = runtime.sockets()
  if (out.json) {
    const listeners = listening(sockets)
    const shown =
      admin === undefined ? null : { url: admin.url, token: admin.tokenMade ? admin.token : null }
    const data = {
      event: 'ready',
      pid: process.pid,
      revision: runtime.revision,
      listeners,
      admin: shown,
    }
    out.record(schema, data, '')
    return
  }
  tellSockets()
  if (sockets.length === 0) out.note('no Gateway listens: there is none that is valid')
  if (admin !== undefined) {
    const token = admin.tokenMade ? `  token ${admin.token}` : ''
    out.line(`${out.style('green', 'admin')}    ${out.style('cyan', admin.url)}${token}`)
  } else out.note('status, top and drain need the admin API: add --admin 127.0.0.1:9180')
  const wrong = runtime
    .status()
    .flatMap((one) => one.parents.flatMap(({ conditions }) => conditions.map((c) => ({ one, c }))))
    .filter(({ c }) => c.status === 'False' && /Accepted|ResolvedRefs/u.test(c.type))
  for (const { one, c } of wrong) {
    out.note(
      `${out.style('yellow', `${one.kind} ${one.key}`)}: ${c.reason}: ${c.message}${advice(c.reason, flags.strings('backend'))}`,
    )
  }
  out.note('ready; Ctrl-C drains')
}

function listening(sockets: readonly ListeningSocket[]): unknown[] {
  return sockets.map((socket) => ({
    gateways: socket.gateways,
    protocols: socket.protocols,
    address: socket.address,
    port: socket.boundPort,
    url: socketUrl(socket),
    ...(socket.error === undefined ? {} : { error: socket.error }),
  }))
}

function advice(reason: string, backends: readonly string[]): string {
  if (reason !== 'BackendNotFound') return ''
  const like = backends.length === 0 ? '' : ' too'
  return `; say where it is with --backend NAMESPACE/SERVICE=HOST:PORT${like}`
}
