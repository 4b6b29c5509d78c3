import { create, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence, isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { type Cloner, nextCloner } from './cloner.ts'

/** A message, or an init shape of one, as the codec handles it: properties by local name. */
export type Shape = Record<string, unknown>

/** Type of a value; the numbers of google.protobuf.FieldDescriptorProto.Type. */
export const valueType = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
} as const

/** Where a field's value is kept and when it is written. */
export const cardinality = {
  /** A property; the zero value is not written. */
  implicit: 0,
  /** A property that is there or not. */
  explicit: 1,
  /** A property of the same name as its oneof: `{ case, value }`. */
  oneof: 2,
  list: 3,
  map: 4,
} as const

/** How the message of a field is represented in the message that holds it. */
export const representation = {
  message: 0,
  /** google.protobuf.Int32Value and its like: the value itself. */
  wrapper: 1,
  /** google.protobuf.Struct: a JSON object. */
  struct: 2,
} as const

export const wire = { varint: 0, bit64: 1, length: 2, group: 3, groupEnd: 4, bit32: 5 } as const

function wireTypeOf(type: number): number {
  switch (type) {
    case valueType.double:
    case valueType.fixed64:
    case valueType.sfixed64:
      return wire.bit64
    case valueType.float:
    case valueType.fixed32:
    case valueType.sfixed32:
      return wire.bit32
    case valueType.string:
    case valueType.bytes:
    case valueType.message:
      return wire.length
    default:
      return wire.varint
  }
}

/** What the codec needs to know of a field, in one shape for all kinds of fields. */
export class FieldPlan {
  readonly number: number
  /** Property of the message: of the field, or of its oneof. */
  readonly property: string
  /** Local name of the field: the case within a oneof. */
  readonly name: string
  readonly type: number
  readonly cardinality: number
  readonly wireType: number
  /** Number and wire type as they are written. */
  readonly tag: number
  readonly packed: boolean
  readonly delimited: boolean
  readonly required: boolean
  /** An encoder must look whether the property is the message's own: its prototype holds the default. */
  readonly own: boolean
  readonly longAsString: boolean
  readonly checkUtf8: boolean
  /** Implicit enums are written unless they have this number. */
  readonly enumZero: number
  /** The numbers of a closed enum; undefined for an open one. */
  readonly closed: ReadonlySet<number> | undefined
  readonly representation: number
  readonly message: MessagePlan | undefined
  /** Of a map: its key, and its value with number 2. */
  readonly key: FieldPlan | undefined
  readonly value: FieldPlan | undefined
  /** Bytes of the length prefix that this field needed last: the encoder's guess for the next. */
  lengthBytes = 1
  readonly #desc: DescField

  constructor(desc: DescField, own: boolean, part: 'field' | 'key' | 'value' = 'field') {
    this.#desc = desc
    const oneof = desc.fieldKind === 'list' || desc.fieldKind === 'map' ? undefined : desc.oneof
    this.type = typeOf(desc, part)
    this.number = part === 'field' ? desc.number : part === 'key' ? 1 : 2
    this.name = desc.localName
    this.property = oneof?.localName ?? desc.localName
    this.delimited =
      part === 'field' && this.type === valueType.message && 'delimitedEncoding' in desc
        ? desc.delimitedEncoding
        : false
    this.packed = desc.fieldKind === 'list' && desc.packed
    this.cardinality = cardinalityOf(desc, part)
    this.wireType = wireTypeOf(this.type)
    if (this.delimited) this.wireType = wire.group
    if (this.cardinality === cardinality.map) this.wireType = wire.length
    this.tag = ((this.number << 3) | (this.packed ? wire.length : this.wireType)) >>> 0
    this.required = desc.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED
    this.own = own && this.cardinality === cardinality.explicit && this.type !== valueType.message
    // Values of maps are bigints whatever jstype says: so protobuf-es has it.
    this.longAsString = desc.fieldKind !== 'map' && 'longAsString' in desc && desc.longAsString
    this.checkUtf8 = desc.utf8Validation
    this.enumZero = desc.enum?.values[0]?.number ?? 0
    this.closed =
      desc.enum === undefined || desc.enum.open || part === 'key'
        ? undefined
        : new Set(desc.enum.values.map((value) => value.number))
    this.message = this.type === valueType.message ? planOf(desc.message as DescMessage) : undefined
    this.representation = representationOf(desc, this.type, oneof !== undefined)
    const isMap = this.cardinality === cardinality.map
    this.key = isMap ? new FieldPlan(desc, false, 'key') : undefined
    this.value = isMap ? new FieldPlan(desc, false, 'value') : undefined
  }

  /** As messages to people name it. */
  toString(): string {
    return `${this.#desc.parent.typeName}.${this.#desc.name}`
  }
}

function typeOf(desc: DescField, part: 'field' | 'key' | 'value'): number {
  if (desc.fieldKind === 'map' && part === 'field') return 0
  if (desc.fieldKind === 'map' && part === 'key') return desc.mapKey
  if (desc.message !== undefined) return valueType.message
  if (desc.enum !== undefined) return valueType.enum
  return desc.scalar
}

function cardinalityOf(desc: DescField, part: 'field' | 'key' | 'value'): number {
  if (part !== 'field') return cardinality.explicit
  if (desc.fieldKind === 'list') return cardinality.list
  if (desc.fieldKind === 'map') return cardinality.map
  if (desc.oneof !== undefined) return cardinality.oneof
  return desc.presence === FeatureSet_FieldPresence.IMPLICIT
    ? cardinality.implicit
    : cardinality.explicit
}

function representationOf(desc: DescField, type: number, inOneof: boolean): number {
  if (type !== valueType.message || desc.message === undefined) return representation.message
  const { message } = desc
  if (
    message.typeName === 'google.protobuf.Struct' &&
    desc.parent.typeName !== 'google.protobuf.Value'
  ) {
    return representation.struct
  }
  return desc.fieldKind === 'message' && !inOneof && isWrapperDesc(message)
    ? representation.wrapper
    : representation.message
}

/** Field numbers below this are looked up in an array, others in a map. */
const denseNumbers = 256

/** What the codec needs to know of a message type. Made once per type; types may contain themselves. */
export class MessagePlan {
  readonly desc: DescMessage
  readonly typeName: string
  /** By ascending number: the order in which they are written. */
  readonly fields: FieldPlan[] = []
  readonly #dense: (FieldPlan | undefined)[] = []
  readonly #sparse = new Map<number, FieldPlan>()
  readonly #template: Shape
  /** Undefined if messages have a prototype that holds their defaults. */
  readonly #cloner: Cloner | undefined
  readonly #prototype: object
  readonly #own: readonly string[]
  readonly #lists: readonly string[]
  readonly #maps: readonly string[]
  readonly #oneofs: readonly string[]

  constructor(desc: DescMessage) {
    this.desc = desc
    this.typeName = desc.typeName
    const template = create(desc)
    this.#template = template
    this.#prototype = Object.getPrototypeOf(template) as object
    this.#cloner = this.#prototype === Object.prototype ? nextCloner() : undefined
    this.#own = Object.keys(template)
    this.#lists = desc.fields.filter((at) => at.fieldKind === 'list').map((at) => at.localName)
    this.#maps = desc.fields.filter((at) => at.fieldKind === 'map').map((at) => at.localName)
    this.#oneofs = desc.oneofs.map((oneof) => oneof.localName)
  }

  /** Not in the constructor: a field may be of the type that is being planned. */
  planFields(): void {
    const own = this.#cloner === undefined
    for (const desc of this.desc.fields.toSorted((a, b) => a.number - b.number)) {
      const field = new FieldPlan(desc, own)
      this.fields.push(field)
      if (field.number < denseNumbers) {
        while (this.#dense.length <= field.number) this.#dense.push(undefined)
        this.#dense[field.number] = field
      } else {
        this.#sparse.set(field.number, field)
      }
    }
  }

  field(number: number): FieldPlan | undefined {
    return number < this.#dense.length ? this.#dense[number] : this.#sparse.get(number)
  }

  /** A message with no field set. */
  zero(): Shape {
    const message = this.#cloner === undefined ? this.#inherit() : this.#cloner(this.#template)
    for (let i = 0; i < this.#lists.length; i++) message[this.#lists[i] as string] = []
    for (let i = 0; i < this.#maps.length; i++) message[this.#maps[i] as string] = {}
    for (let i = 0; i < this.#oneofs.length; i++) {
      message[this.#oneofs[i] as string] = { case: undefined }
    }
    return message
  }

  #inherit(): Shape {
    const message = Object.create(this.#prototype) as Shape
    for (let i = 0; i < this.#own.length; i++) {
      const name = this.#own[i] as string
      message[name] = this.#template[name]
    }
    return message
  }
}

const plans = new WeakMap<DescMessage, MessagePlan>()

/** The plan of a message type, the same for the same descriptor. */
export function planOf(desc: DescMessage): MessagePlan {
  const known = plans.get(desc)
  if (known !== undefined) return known
  const plan = new MessagePlan(desc)
  plans.set(desc, plan)
  plan.planFields()
  return plan
}
