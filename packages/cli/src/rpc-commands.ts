import type { Command, Flag } from './command.ts'

type Options = Partial<Pick<Flag, 'short' | 'default' | 'choices'>>

const text = (name: string, value: string, summary: string, options: Options = {}): Flag => ({
  name,
  type: 'string',
  value,
  summary,
  ...options,
})
const number = (name: string, summary: string, options: Options = {}): Flag => ({
  name,
  type: 'number',
  value: 'N',
  summary,
  ...options,
})
const time = (name: string, summary: string, options: Options = {}): Flag =>
  text(name, 'TIME', summary, options)
const yes = (name: string, summary: string, options: Options = {}): Flag => ({
  name,
  type: 'boolean',
  summary,
  ...options,
})

const schemaFlags: readonly Flag[] = [
  text(
    'proto',
    'FILE',
    'the .proto file; without --proto and --protoset the server is asked (reflection)',
  ),
  text('protoset', 'FILE', 'compiled descriptors (protoc --descriptor_set_out, buf build)'),
  text('import-paths', 'DIRS', 'folders of imported files, comma-separated', { short: 'i' }),
  text('reflect-metadata', 'JSON', 'metadata for the reflection call'),
]

const connectionFlags: readonly Flag[] = [
  yes('insecure', 'plaintext; the default for loopback targets unless a TLS flag is given'),
  text('cacert', 'FILE', 'authorities to trust, PEM; a TLS flag'),
  text('cert', 'FILE', 'client certificate, PEM, with --key; a TLS flag'),
  text('key', 'FILE', 'key of the client certificate, PEM'),
  text('cname', 'NAME', 'name to expect in the certificate of the server; a TLS flag'),
  yes('skipTLS', 'TLS without looking at the certificate of the server; a TLS flag'),
  text('authority', 'NAME', 'value of :authority'),
  time('connect-timeout', 'longest until a connection stands', { default: '10s' }),
  text('transport', 'NAME', 'HTTP/2 implementation', {
    choices: ['ours', 'node'],
    default: 'ours',
  }),
]

const host = { name: 'HOST', summary: 'HOST:PORT of the server' } as const

/** The commands that speak gRPC. The flags of `rpc bench` are those of ghz 0.93, by the same names. */
export const rpcCommands: readonly Command[] = [
  {
    path: ['rpc', 'bench'],
    group: 'rpc',
    summary: 'load a gRPC server and report its latency, as ghz does and beyond',
    details:
      'Flags, JSON and exit code are those of ghz 0.93; what ghz does not have is under `tidemill` in the JSON. A loopback HOST is spoken to in plaintext unless a TLS flag is given, any other in TLS unless --insecure is.',
    args: [{ ...host, required: false }],
    flags: [
      ...schemaFlags,
      text('call', 'METHOD', 'package.Service/Method or package.Service.Method'),
      text('config', 'FILE', 'JSON or TOML file of these options by their names; flags win'),
      number('total', 'calls to make', { short: 'n', default: 200 }),
      number(
        'concurrency',
        'workers, each waiting for its call; with --rate the most calls in flight',
        {
          short: 'c',
          default: 50,
        },
      ),
      time('duration', 'make calls for so long; --total is ignored', { short: 'z' }),
      time('max-duration', 'end after so long even if --total is not reached', { short: 'x' }),
      text('duration-stop', 'WHAT', 'what becomes of calls in flight at the end of the duration', {
        choices: ['close', 'wait', 'ignore'],
        default: 'close',
      }),
      time('timeout', 'deadline of each call; 0 for none', { short: 't', default: '20s' }),
      number('rate', 'open loop: N calls a second, each when it is due; latency counts from then'),
      number('rps', 'pace of a closed loop: at most N calls a second', { short: 'r' }),
      yes('async', 'do not wait for a call before the next (at most 10,000 in flight)'),
      text('load-schedule', 'NAME', 'how the pace changes', {
        choices: ['const', 'step', 'line'],
        default: 'const',
      }),
      number('load-start', 'first pace of step and line'),
      text('load-step', 'N', 'change of the pace at each step, or each second for line'),
      number('load-end', 'last pace of step and line'),
      time('load-step-duration', 'length of a step'),
      time('load-max-duration', 'stop changing the pace after so long'),
      text('concurrency-schedule', 'NAME', 'how the number of workers changes', {
        choices: ['const', 'step', 'line'],
        default: 'const',
      }),
      number('concurrency-start', 'first number of workers of step and line'),
      text('concurrency-step', 'N', 'change of the workers at each step, or each second for line'),
      number('concurrency-end', 'last number of workers of step and line'),
      time('concurrency-step-duration', 'length of a step'),
      time('concurrency-max-duration', 'stop changing the workers after so long'),
      time(
        'warmup',
        'load without counting first (default 0, with --rate, --windows or --rtt 500ms)',
      ),
      text(
        'windows',
        'LIST',
        'receive windows to try, STREAM/CONNECTION or auto: 64k/64k,1m/4m,auto',
      ),
      text('rtt', 'LIST', 'round trips to add with a relay, to try each: 0,10ms,50ms'),
      text(
        'data',
        'JSON',
        'message, or list of messages, with templates such as {{.RequestNumber}}; @ reads stdin',
        {
          short: 'd',
        },
      ),
      text('data-file', 'FILE', 'the same from a file', { short: 'D' }),
      yes('binary', 'encoded message or length-prefixed messages from stdin', { short: 'b' }),
      text('binary-file', 'FILE', 'the same from a file', { short: 'B' }),
      text('metadata', 'JSON', 'metadata of each call, an object of strings, with templates', {
        short: 'm',
      }),
      text('metadata-file', 'FILE', 'the same from a file', { short: 'M' }),
      time('stream-interval', 'pause between messages of a stream'),
      time('stream-call-duration', 'end each stream after so long'),
      number('stream-call-count', 'end each stream after N messages'),
      yes('stream-dynamic-messages', 'fill the templates anew for each message of a stream'),
      yes('enable-compression', 'gzip requests', { short: 'e' }),
      number('connections', 'connections; workers are spread over them', { default: 1 }),
      ...connectionFlags,
      time('keepalive', 'PING so often; a connection that does not answer is given up'),
      text('lb-strategy', 'NAME', 'how connections are spread over the addresses of HOST', {
        choices: ['pick_first', 'round_robin'],
        default: 'pick_first',
      }),
      number('skipFirst', 'leave the first N results out'),
      yes('count-errors', 'let failed calls count in the latencies'),
      text('format', 'FORM', 'form of the report', {
        short: 'O',
        choices: [
          'summary',
          'csv',
          'json',
          'pretty',
          'html',
          'influx-summary',
          'influx-details',
          'prometheus',
          'hdr',
        ],
        default: 'summary',
      }),
      text('output', 'FILE', 'write the report there, not to stdout', { short: 'o' }),
      text('hdr', 'FILE', 'write the percentiles there in the text form of HdrHistogram (.hgrm)'),
      text('fail-on', 'LIST', 'exit 1 if any holds, such as errors,errors>1%,p99>20ms,rps<5000'),
      text('name', 'TEXT', 'name of the run in the report'),
      text('tags', 'JSON', 'tags in the report, an object of strings'),
      number('cpus', 'kept in the report as ghz does; this tool uses one core'),
    ],
    examples: [
      {
        run: `tidemill rpc bench --proto greeter.proto --call helloworld.Greeter.SayHello -d '{"name":"Bob"}' -n 10000 -c 200 -x 60s 127.0.0.1:50051`,
        what: 'as with ghz, by a .proto file',
      },
      {
        run: 'tidemill rpc bench --call shop.v1.Orders/Place --rate 5000 -z 30s --fail-on "p99.9>50ms" 127.0.0.1:50051',
        what: 'open loop: a stall of the server shows; the schema by reflection',
      },
      {
        run: 'tidemill rpc bench --call shop.v1.Orders/List -n 5000 -c 100 --windows 64k/64k,1m/4m,auto --rtt 0,10ms,50ms 127.0.0.1:50051',
        what: 'nine runs, one matrix, and whether windows set the rate',
      },
    ],
    load: () => import('./commands/rpc-bench.ts'),
  },
  {
    path: ['rpc', 'call'],
    group: 'rpc',
    summary: 'call a gRPC method with JSON and print the answers as JSON',
    details:
      'A stream of requests is a list, or one JSON value after another. -v prints headers and trailers on stderr. A status that is not OK sets the exit code by its class.',
    args: [
      { ...host, required: true },
      { name: 'METHOD', summary: 'package.Service/Method', required: true },
    ],
    flags: [
      ...schemaFlags,
      text('data', 'JSON', 'message or messages; @ reads stdin', { short: 'd' }),
      text('metadata', 'JSON', 'an object of strings', { short: 'm' }),
      time('timeout', 'deadline of the call; 0 for none', { short: 't', default: '20s' }),
      yes('emit-defaults', 'print fields that have their default value too'),
      ...connectionFlags,
    ],
    examples: [
      {
        run: `tidemill rpc call 127.0.0.1:50051 helloworld.Greeter/SayHello -d '{"name":"Bob"}'`,
        what: 'unary, the schema by reflection',
      },
      {
        run: 'tidemill rpc call 127.0.0.1:50051 shop.v1.Orders/Watch --json | jq .data',
        what: 'a stream of answers, one document a line',
      },
    ],
    load: () => import('./commands/rpc-call.ts'),
  },
  {
    path: ['rpc', 'list'],
    group: 'rpc',
    summary: 'the services of a server, or the methods of one service',
    args: [
      {
        name: 'HOST',
        summary: 'HOST:PORT; not needed with --proto or --protoset',
        required: false,
      },
      { name: 'SERVICE', summary: 'list the methods of this one', required: false },
    ],
    flags: [...schemaFlags, ...connectionFlags],
    examples: [
      { run: 'tidemill rpc list 127.0.0.1:50051', what: 'what the server says by reflection' },
      {
        run: 'tidemill rpc list --proto greeter.proto helloworld.Greeter',
        what: 'without a server',
      },
    ],
    load: () => import('./commands/rpc-list.ts'),
  },
  {
    path: ['rpc', 'describe'],
    group: 'rpc',
    summary: 'a service, method, message or enum as .proto text',
    details: 'The host may also come first, as in rpc call and rpc list.',
    args: [
      { name: 'SYMBOL', summary: 'its full name', required: true },
      {
        name: 'HOST',
        summary: 'HOST:PORT; not needed with --proto or --protoset',
        required: false,
      },
    ],
    flags: [...schemaFlags, ...connectionFlags],
    examples: [
      { run: 'tidemill rpc describe helloworld.HelloRequest 127.0.0.1:50051', what: 'its fields' },
    ],
    load: () => import('./commands/rpc-describe.ts'),
  },
]
