import { create } from '@bufbuild/protobuf'
import {
  EnumDescriptorProto_EnumReservedRangeSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  EnumValueDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { block, declare, type ParseState, reportOverlap, reservedName } from './parse-state.ts'
import { qualify } from './scope.ts'

const least = -0x8000_0000n
const most = 0x7fff_ffffn

export function parseEnum(state: ParseState, scope: string, enums: EnumDescriptorProto[]): void {
  const { reader, file } = state
  reader.advance()
  const name = reader.identifier('the name of the enum')
  const full = qualify(scope, name.text)
  declare(state, full, 'enum', name.at)
  const proto = create(EnumDescriptorProtoSchema, { name: name.text })
  enums.push(proto)
  const numbersAt: number[] = []
  block(state, 'behind the name of the enum', () => {
    if (reader.at('option') && reader.ahead.text !== '=') {
      reader.advance()
      const uses = [reader.option()]
      file.options.push({ type: 'EnumOptions', scope: full, element: proto, uses })
      reader.expect(';', 'behind the option')
    } else if (reader.at('reserved') && reader.ahead.text !== '=') {
      reserved(state, proto)
    } else {
      numbersAt.push(value(state, scope, full, proto))
    }
  })
  if (proto.value.length === 0) reader.source.report(name.at, `enum ${full} has no values`)
  state.file.checks.push(() => checkNumbers(state, full, proto, numbersAt))
}

/** Returns where the number stands. */
function value(state: ParseState, scope: string, full: string, proto: EnumDescriptorProto): number {
  const { reader, file } = state
  const name = reader.identifier('the name of a value')
  reader.expect('=', 'behind the name of a value')
  const { at } = reader.token
  const number = reader.integer('the number of a value', least, most)
  const one = create(EnumValueDescriptorProtoSchema, { name: name.text, number })
  const uses = reader.brackets()
  reader.expect(';', 'behind a value')
  if (uses.length > 0) {
    file.options.push({ type: 'EnumValueOptions', scope: full, element: one, uses })
  }
  proto.value.push(one)
  // Values are names of the scope around the enum, as in C++.
  declare(state, qualify(scope, name.text), 'enum value', name.at)
  return at
}

function reserved(state: ParseState, proto: EnumDescriptorProto): void {
  const { reader } = state
  reader.advance()
  do {
    const { kind, at } = reader.token
    if (kind === 'string' || kind === 'identifier') {
      reservedName(state, proto.reservedName)
      continue
    }
    const start = reader.integer('a reserved number', least, most)
    let end = start
    if (reader.take('to')) {
      end = reader.take('max')
        ? Number(most)
        : reader.integer('the end of a reserved range', BigInt(start), most)
    }
    reportOverlap(state, proto.reservedRange, { start, end }, at, (one) => one.end)
    proto.reservedRange.push(create(EnumDescriptorProto_EnumReservedRangeSchema, { start, end }))
  } while (reader.take(','))
  reader.expect(';', 'behind what is reserved')
}

/** Runs once options are known: allow_alias is one. */
function checkNumbers(
  state: ParseState,
  full: string,
  proto: EnumDescriptorProto,
  numbersAt: readonly number[],
): void {
  const { source } = state.reader
  const seen = new Map<number, string>()
  for (const [i, { name, number }] of proto.value.entries()) {
    const at = numbersAt[i] ?? 0
    const before = seen.get(number)
    if (before !== undefined && proto.options?.allowAlias !== true) {
      source.report(
        at,
        `${name} has the number ${number} of ${before}; option allow_alias permits it`,
      )
    }
    seen.set(number, before ?? name)
    if (i === 0 && number !== 0 && state.syntax === 'proto3') {
      source.report(at, `the first value of ${full} must be 0 in proto3`)
    }
    if (proto.reservedRange.some(({ start, end }) => number >= start && number <= end)) {
      source.report(at, `number ${number} is reserved in ${full}`)
    }
    if (proto.reservedName.includes(name)) source.report(at, `name ${name} is reserved in ${full}`)
  }
}
