/** A part of an option's name: `deprecated`, or an extension `(my.option)`. */
export interface NamePart {
  readonly name: string
  readonly extension: boolean
  readonly at: number
}

/** The value of an option as written. */
export type OptionValue =
  | { readonly kind: 'integer'; readonly at: number; readonly value: bigint }
  | { readonly kind: 'float'; readonly at: number; readonly value: number }
  | { readonly kind: 'string'; readonly at: number; readonly value: Buffer }
  | { readonly kind: 'identifier'; readonly at: number; readonly value: string }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly OptionValue[] }
  | { readonly kind: 'message'; readonly at: number; readonly fields: readonly TextField[] }

/** A field of a message literal, in the text format. */
export interface TextField {
  readonly name: NamePart
  readonly value: OptionValue
}

export interface OptionUse {
  readonly name: readonly NamePart[]
  readonly value: OptionValue
  readonly at: number
}

/** How the value reads in a problem. */
export function describeValue(value: OptionValue): string {
  switch (value.kind) {
    case 'integer':
    case 'float':
    case 'identifier':
      return String(value.value)
    case 'string':
      return JSON.stringify(value.value.toString())
    case 'list':
      return 'a list'
    case 'message':
      return 'a message'
    default:
      return value satisfies never
  }
}
