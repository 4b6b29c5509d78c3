import { type Decision, explainDecision } from '@tidemill/gateway/admin'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { gatewayClient } from '../gateway-client.ts'
import { decisionText } from '../gateway-explain-text.ts'
import { readValidFiles } from '../gateway-manifests.ts'
import { offlineConfiguration } from '../gateway-offline.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out } = invocation
  const decision = await decide(invocation)
  if (out.json) {
    const { status, route, rule, backend, candidates } = decision
    out.document('tidemill.explain.v1', { status, route, rule, backend, candidates })
  } else for (const line of decisionText(decision, out)) out.line(line)
  return exitCode.ok
}

async function decide(invocation: Invocation): Promise<Decision> {
  const { flags } = invocation
  const url = readUrl(flags.string('url'))
  const method = flags.string('method') ?? 'GET'
  const headers = readHeaders(flags.strings('header'))
  const gateway = flags.string('gateway')
  const listener = flags.string('listener')
  const place = {
    ...(gateway === undefined ? {} : { gateway }),
    ...(listener === undefined ? {} : { listener }),
  }
  const host = headers['host']?.[0] ?? url.host
  const request = { method, host, path: url.path, headers }
  const target = {
    scheme: url.scheme,
    ...(url.port === undefined ? {} : { port: url.port }),
    ...place,
  }
  const files = flags.strings('file')
  if (files.length > 0) {
    const { objects } = await readValidFiles(files)
    return explainDecision(offlineConfiguration(objects, flags), request, target)
  }
  const client = await gatewayClient(invocation)
  return client.send<Decision>('POST', '/v1/explain', { ...request, ...target })
}

interface AskedUrl {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number | undefined
  /** As written: dot segments and escapes are the gateway's to judge, not those of the URL class. */
  readonly path: string
}

function readUrl(text: string | undefined): AskedUrl {
  const [, scheme = '', host = '', path = ''] =
    /^(https?):\/\/([^/?#]+)([^#]*)/iu.exec(text ?? '') ?? []
  const parsed = URL.parse(`${scheme}://${host}/`)
  if (parsed === null || host === '') {
    throw cliErrors.error('TM_CLI_USAGE', {
      what:
        text === undefined
          ? '`gateway explain` needs --url'
          : `--url "${text}" is no http:// or https:// URL`,
      suggestion: 'Write for example --url http://shop.example/orders.',
    })
  }
  return {
    scheme: parsed.protocol === 'https:' ? 'https' : 'http',
    host,
    port: parsed.port === '' ? undefined : Number(parsed.port),
    path: path.startsWith('/') ? path : `/${path}`,
  }
}

function readHeaders(lines: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>
  for (const line of lines) {
    const cut = line.indexOf(':')
    if (cut <= 0) {
      throw cliErrors.error('TM_CLI_USAGE', {
        what: `"${line}" is not NAME: VALUE`,
        suggestion: "Write for example -H 'x-env: prod'.",
      })
    }
    const name = line.slice(0, cut).trim().toLowerCase()
    headers[name] = [...(headers[name] ?? []), line.slice(cut + 1).trim()]
  }
  return headers
}
