import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { codecOf } from '@tidemill/rpc'
import {
  SimpleRequestSchema,
  SimpleResponseSchema,
  StreamingOutputCallRequestSchema,
  TestOrcaReportSchema,
} from '../scripts/lib/gen/grpc/testing/messages_pb.ts'
import { defineBench } from './lib/bench.ts'
import { nanosPer } from './lib/measure.ts'

const rounds = 10_000

/** Nested, with a list and a map, as an order with its lines is. */
const order = {
  responseParameters: [1, 20, 300, 4000].map((size) => ({
    size,
    intervalUs: size * 10,
    compressed: { value: true },
  })),
  payload: { body: new Uint8Array(64) },
  responseStatus: { code: 3, message: 'quantity of sku-4444 must be positive' },
  orcaOobReport: { cpuUtilization: 0.5, requestCost: { stock: 1.5, payment: 2.25 } },
}

const report = {
  cpuUtilization: 0.5,
  requestCost: { stock: 1.5, payment: 2.25, mail: 0.125, audit: 3 },
  utilization: { disk: 0.5, network: 0.25 },
}

/** proto2: every field is there or not, its default in the prototype. */
const field = {
  name: 'order_id',
  number: 17,
  label: FieldDescriptorProto_Label.OPTIONAL,
  type: FieldDescriptorProto_Type.STRING,
  jsonName: 'orderId',
  options: { deprecated: true, packed: false },
}

const shapes: readonly {
  readonly id: string
  readonly desc: DescMessage
  readonly init: object
}[] = [
  {
    id: 'request',
    desc: SimpleRequestSchema,
    init: { responseSize: 10, payload: { body: new Uint8Array(10) } },
  },
  { id: 'response', desc: SimpleResponseSchema, init: { payload: { body: new Uint8Array(10) } } },
  { id: 'order', desc: StreamingOutputCallRequestSchema, init: order },
  { id: 'maps', desc: TestOrcaReportSchema, init: report },
  { id: 'presence', desc: FieldDescriptorProtoSchema, init: field },
]

/** The shapes of which a call is little more. */
const small = new Set(['request', 'response'])

export const bench = defineBench({
  name: 'rpc-codec',
  about: 'Messages from bytes and to bytes against the same messages through protobuf-es itself',
  peers: ['@bufbuild/protobuf'],
  claims: shapes.flatMap(({ id }) => [
    {
      id: `${id}-decode`,
      about: `reading a ${id}`,
      unit: 'x',
      // Where a call is little but its message, reading decides; elsewhere it must not be slower.
      target: { atLeast: small.has(id) ? 2 : 1 },
    },
    {
      id: `${id}-encode`,
      about: `writing a ${id} from its init shape`,
      unit: 'x',
      target: { atLeast: 3 },
    },
  ]),
  async run(ctx) {
    const target = Buffer.alloc(64 * 1024)
    let kept: unknown
    for (const { id, desc, init } of shapes) {
      const codec = codecOf(desc)
      const bytes = codec.encode(init as never)
      const repeat = (work: () => unknown) => () =>
        nanosPer(rounds, () => {
          for (let i = 0; i < rounds; i++) kept = work()
        })
      const decode = await ctx.alternate({
        measure: 'cost',
        unit: 'ns',
        lanes: {
          ours: repeat(() => codec.decode(bytes)),
          peer: repeat(() => fromBinary(desc, bytes)),
        },
      })
      ctx.ratio(`${id}-decode`, decode.ours, decode.peer)
      const encode = await ctx.alternate({
        measure: 'cost',
        unit: 'ns',
        lanes: {
          ours: repeat(() => codec.write(init as never, target, 0)),
          peer: repeat(() => toBinary(desc, create(desc, init as never))),
        },
      })
      ctx.ratio(`${id}-encode`, encode.ours, encode.peer)
    }
    ctx.note(`each of ${shapes.length} messages on its own; kept: ${typeof kept}`)
  },
})
