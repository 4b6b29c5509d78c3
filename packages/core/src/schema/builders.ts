import { array, object, record } from './collection.ts'
import { json } from './json.ts'
import { boolean, duration, integer, literal, number, string } from './scalar.ts'
import { union, variant } from './union.ts'

/** The builders of schemas, under one name because most of them are called like a type. */
export const schema: {
  readonly string: typeof string
  readonly integer: typeof integer
  readonly number: typeof number
  readonly boolean: typeof boolean
  readonly literal: typeof literal
  readonly duration: typeof duration
  readonly array: typeof array
  readonly object: typeof object
  readonly record: typeof record
  readonly union: typeof union
  readonly variant: typeof variant
  readonly json: typeof json
} = {
  string,
  integer,
  number,
  boolean,
  literal,
  duration,
  array,
  object,
  record,
  union,
  variant,
  json,
}
