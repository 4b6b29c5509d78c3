import type {
  DescriptorProto,
  FieldDescriptorProto,
  OneofDescriptorProto,
} from '@bufbuild/protobuf/wkt'

/** `a.b` and `c` make `a.b.c`; an empty scope adds no dot. */
export function qualify(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`
}

/** `foo_bar` as `fooBar`: the name of a field in JSON. */
export function jsonName(name: string): string {
  return name.replaceAll(/_+([^_]?)/gu, (_, next: string) => next.toUpperCase())
}

/** `foo_bar` as `FooBarEntry`: the message of a map field's entries. */
export function mapEntryName(field: string): string {
  const camel = field.replaceAll(/(?:^|_+)([^_]?)/gu, (_, next: string) => next.toUpperCase())
  return `${camel}Entry`
}

/** Where fields and the messages of their groups and maps go. */
export interface FieldHome {
  /** Full name of what surrounds the fields. */
  readonly scope: string
  readonly fields: FieldDescriptorProto[]
  readonly messages: DescriptorProto[]
  readonly kind: 'message' | 'oneof' | 'extend'
  readonly oneofs: OneofDescriptorProto[]
}
