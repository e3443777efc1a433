// How a key of the configuration is written: type, default, range and description in one value. Keys of agents also say what a
// running agent must do when they change.

import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { filterRuleExpected, filterRulePattern } from "./filterRules.ts"

/** `hot`: a running agent takes the new value at once. `restart`: it starts what depends on it anew, within its process. */
export type Change = "hot" | "restart"

const notes = <Value>(description: string, value: Value, change: Change | undefined) =>
  change === undefined ? { description, default: value } : { description, default: value, change }

export const text = (value: string, description: string, change?: Change) =>
  Schema.String.annotate(notes(description, value, change)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(value)),
  )

export const flag = (value: boolean, description: string, change?: Change) =>
  Schema.Boolean.annotate(notes(description, value, change)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(value)),
  )

export const integer = (
  value: number,
  minimum: number,
  maximum: number,
  description: string,
  change?: Change,
) =>
  Schema.Int.annotate(notes(description, value, change))
    .check(Schema.isBetween({ minimum, maximum }))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

export const choice = <const Value extends string>(
  values: ReadonlyArray<Value>,
  value: NoInfer<Value>,
  description: string,
  change?: Change,
) => {
  const literals: Schema.Codec<Value> = Schema.Literals(values).annotate(notes(description, value, change))
  return literals.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))
}

export const texts = (value: ReadonlyArray<string>, description: string, change?: Change) =>
  Schema.Array(Schema.String)
    .annotate(notes(description, value, change))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

/** Filter rules: "comm=nginx". */
export const rules = (value: ReadonlyArray<string>, description: string, change?: Change) =>
  Schema.Array(
    Schema.String.annotate({ description: filterRuleExpected }).check(Schema.isPattern(filterRulePattern)),
  )
    .annotate(notes(description, value, change))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

export const choices = <const Value extends string>(
  values: ReadonlyArray<Value>,
  value: ReadonlyArray<NoInfer<Value>>,
  description: string,
  change?: Change,
) => {
  const literals: Schema.Codec<Value> = Schema.Literals(values)
  return Schema.Array(literals)
    .annotate(notes(description, value, change))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))
}

export const integers = (
  value: ReadonlyArray<number>,
  minimum: number,
  maximum: number,
  description: string,
  change?: Change,
) =>
  Schema.Array(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
    .annotate(notes(description, value, change))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

export const section = <const Fields extends Schema.Struct.Fields>(description: string, fields: Fields) =>
  Schema.Struct(fields)
    .annotate({ description })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed({} as Schema.Struct<Fields>["Encoded"])))
