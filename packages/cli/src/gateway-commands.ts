import type { Command, Flag } from './command.ts'

const files: Flag = {
  name: 'file',
  short: 'f',
  type: 'string',
  value: 'FILE',
  repeat: true,
  summary: 'manifests as Kubernetes takes them, YAML or JSON: a file or a folder',
}
const backend: Flag = {
  name: 'backend',
  type: 'string',
  value: 'NAMESPACE/SERVICE[:PORT]=HOST:PORT[,...]',
  repeat: true,
  summary: 'where a Service is',
}
const admin: Flag = {
  name: 'admin',
  type: 'string',
  value: 'ADDRESS:PORT',
  summary: 'admin API of the running gateway',
  env: 'TIDEMILL_GATEWAY_ADMIN',
  default: '127.0.0.1:9180',
}
const tokenFile: Flag = {
  name: 'token-file',
  type: 'string',
  value: 'FILE',
  summary: 'file with the token of the admin API',
}
const token: Flag = {
  name: 'token',
  type: 'string',
  value: 'TOKEN',
  summary: 'the token itself; others see flags, so better in the environment',
  env: 'TIDEMILL_GATEWAY_TOKEN',
}
const running: readonly Flag[] = [admin, tokenFile, token]
const dryRun: Flag = { name: 'dry-run', type: 'boolean', summary: 'say what would be done' }
const edge = 'examples/gateway/gateway.yaml'

/** The commands of the gateway that stands alone, without the platform. */
export const gatewayCommands: readonly Command[] = [
  {
    path: ['gateway', 'run'],
    group: 'gateway',
    summary: 'run a gateway from manifests, without a cluster',
    details:
      'Reads Gateway, HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute, ReferenceGrant, BackendTLSPolicy, Secret, ConfigMap, Service, EndpointSlice and our policies. Follows changes of the files: a broken edit leaves what was in force. Gateways listen on 127.0.0.1 unless --listen says otherwise. Ctrl-C once drains, twice ends at once.',
    flags: [
      files,
      backend,
      {
        name: 'listen',
        type: 'string',
        value: '[NAMESPACE/NAME=]ADDRESS[:PORT]',
        repeat: true,
        summary:
          'where Gateways listen; without a port those that they say, port 0 is any free one',
      },
      {
        name: 'workers',
        type: 'number',
        value: 'N',
        summary: 'worker processes; 0 serves in this process',
        default: 0,
      },
      {
        name: 'admin',
        type: 'string',
        value: 'ADDRESS:PORT',
        summary: 'serve the admin API there; port 0 is any free one',
        env: 'TIDEMILL_GATEWAY_ADMIN',
      },
      {
        ...tokenFile,
        summary: 'token of the admin API; a new one is written there when it is missing',
      },
      token,
      {
        name: 'kv',
        type: 'string',
        value: 'URL',
        summary: 'follow objects in kv too, for example sqlite:./data/kv.db',
      },
      {
        name: 'last-good',
        type: 'string',
        value: 'FILE',
        summary: 'keep there what is in force, for a start while kv is away',
      },
      {
        name: 'access-log',
        type: 'string',
        value: 'FILE|stdout|off',
        summary: 'one JSON line per request',
        default: 'off',
      },
      { name: 'no-watch', type: 'boolean', summary: 'do not follow changes of the files' },
    ],
    examples: [
      {
        run: `tidemill gateway run -f ${edge} --backend default/web=127.0.0.1:9000`,
        what: 'one Service behind one Gateway',
      },
      {
        run: `tidemill gateway run -f ${edge} --backend default/web=127.0.0.1:9000 --listen 127.0.0.1:0 --json`,
        what: 'on any free port; one JSON line when ready',
      },
      {
        run: `tidemill gateway run -f manifests/ --admin 127.0.0.1:9180 --token-file ./token --workers 2`,
        what: 'two workers, and an admin API for status, top and drain',
      },
    ],
    load: () => import('./commands/gateway-run.ts'),
  },
  {
    path: ['gateway', 'status'],
    group: 'gateway',
    summary: 'the conditions that Kubernetes would show, of a running gateway or of files',
    details:
      'Exits 1 when a condition does not hold or a socket is not bound. With -f nothing is started.',
    flags: [
      files,
      backend,
      ...running,
      { name: 'watch', type: 'boolean', summary: 'go on as it changes' },
    ],
    examples: [
      { run: `tidemill gateway status -f ${edge}`, what: 'as they would be, offline' },
      {
        run: 'tidemill gateway status --token-file ./token',
        what: 'of the gateway at 127.0.0.1:9180',
      },
    ],
    load: () => import('./commands/gateway-status.ts'),
  },
  {
    path: ['gateway', 'validate'],
    group: 'gateway',
    summary: 'check manifests: every problem at once, each with file, line and column',
    flags: [files, { name: 'strict', type: 'boolean', summary: 'warnings fail too' }],
    examples: [
      { run: 'tidemill gateway validate -f manifests/', what: 'exit 1 when one is not valid' },
    ],
    load: () => import('./commands/gateway-validate.ts'),
  },
  {
    path: ['gateway', 'diff'],
    group: 'gateway',
    summary: 'what differs between two sets of manifests, or from a running gateway',
    details:
      'The first -f is what is, the second what shall be; with one -f, what applying it to the running gateway would change. Exits 0 when nothing differs, 1 when something does.',
    flags: [
      files,
      ...running,
      { name: 'prune', type: 'boolean', summary: 'objects that are in no file would be removed' },
    ],
    examples: [
      { run: 'tidemill gateway diff -f old.yaml -f new.yaml', what: 'field by field' },
      { run: 'tidemill gateway diff -f new.yaml --token-file ./token', what: 'before apply' },
    ],
    load: () => import('./commands/gateway-diff.ts'),
  },
  {
    path: ['gateway', 'apply'],
    group: 'gateway',
    summary: 'give manifests to a running gateway, all or nothing',
    flags: [
      files,
      ...running,
      {
        name: 'prune',
        type: 'boolean',
        summary: 'remove objects that were applied and are in no file',
      },
      dryRun,
    ],
    examples: [
      { run: 'tidemill gateway apply -f routes.yaml --token-file ./token', what: 'one revision' },
    ],
    load: () => import('./commands/gateway-apply.ts'),
  },
  {
    path: ['gateway', 'explain'],
    group: 'gateway',
    summary: 'which rule takes a request, and why every other does not',
    details:
      'With -f nothing is started and, unless --backend says otherwise, every Service is taken to be there; without -f the running gateway is asked. Exits 0 whatever the answer is.',
    flags: [
      files,
      backend,
      ...running,
      {
        name: 'method',
        short: 'X',
        type: 'string',
        value: 'METHOD',
        summary: 'request method',
        default: 'GET',
      },
      { name: 'url', type: 'string', value: 'URL', summary: 'scheme, host and path; required' },
      {
        name: 'header',
        short: 'H',
        type: 'string',
        value: "'NAME: VALUE'",
        repeat: true,
        summary: 'a request header',
      },
      {
        name: 'gateway',
        type: 'string',
        value: 'NAMESPACE/NAME',
        summary: 'at the listeners of this Gateway',
      },
      { name: 'listener', type: 'string', value: 'NAME', summary: 'at the listener of this name' },
    ],
    examples: [
      {
        run: `tidemill gateway explain -f ${edge} --method GET --url http://shop.example/api/orders -H 'x-env: prod'`,
        what: 'the winner first, then what each other lacks',
      },
      {
        run: `tidemill gateway explain -f ${edge} --url http://shop.example/ --json`,
        what: 'for scripts',
      },
    ],
    load: () => import('./commands/gateway-explain.ts'),
  },
  {
    path: ['gateway', 'replay'],
    group: 'gateway',
    summary: 'try manifests on recorded requests: which would go elsewhere',
    details:
      'Reads the JSON access log of a gateway (method, authority, path, route, rule). The log holds no headers and no query unless its fields say so: a rule that asks for one is judged without it, and counted. Exits 1 when a request would go elsewhere.',
    flags: [
      files,
      backend,
      {
        name: 'log',
        type: 'string',
        value: 'ACCESS_LOG',
        summary: 'the recorded requests; - reads standard input; required',
      },
      {
        name: 'limit',
        type: 'number',
        value: 'N',
        summary: 'how many examples are shown',
        default: 20,
      },
    ],
    examples: [
      {
        run: 'tidemill gateway replay --log access.log -f new.yaml',
        what: 'before a change goes live',
      },
    ],
    load: () => import('./commands/gateway-replay.ts'),
  },
  {
    path: ['gateway', 'drain'],
    group: 'gateway',
    summary: 'let a running gateway end what it has and stop',
    flags: [
      ...running,
      {
        name: 'grace',
        type: 'string',
        value: 'TIME',
        summary: 'how long idle connections stay',
        default: '5s',
      },
      {
        name: 'timeout',
        type: 'string',
        value: 'TIME',
        summary: 'when the rest is cut off',
        default: '30s',
      },
      dryRun,
    ],
    examples: [
      { run: 'tidemill gateway drain --token-file ./token', what: 'shows what is still open' },
    ],
    load: () => import('./commands/gateway-drain.ts'),
  },
  {
    path: ['gateway', 'top'],
    group: 'gateway',
    summary: 'routes by rate, latency, errors, breakers and upstreams, live',
    details:
      'On a terminal the table redraws itself until Ctrl-C; elsewhere it is printed once per interval as lines.',
    flags: [
      ...running,
      { name: 'interval', type: 'string', value: 'TIME', summary: 'how often', default: '1s' },
      {
        name: 'count',
        type: 'number',
        value: 'N',
        summary: 'end after N tables; 0 goes on',
        default: 0,
      },
    ],
    examples: [
      { run: 'tidemill gateway top --token-file ./token', what: 'what is busy now' },
      { run: 'tidemill gateway top --token-file ./token --json --count 1', what: 'for scripts' },
    ],
    load: () => import('./commands/gateway-top.ts'),
  },
  {
    path: ['slo', 'export'],
    group: 'gateway',
    summary: 'the objectives of routes as recording and alerting rules for Prometheus',
    details: 'The rules are those of Sloth: seven windows, four alerts per objective.',
    flags: [
      files,
      { name: 'out', type: 'string', value: 'FILE', summary: 'write them there, not to stdout' },
    ],
    examples: [
      {
        run: 'tidemill slo export -f manifests/ --out rules.yaml',
        what: 'for promtool and Prometheus',
      },
    ],
    load: () => import('./commands/slo-export.ts'),
  },
]
