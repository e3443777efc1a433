// How long rows are kept: the classes of tables, the configured hours of each, and the time that tags outlive what refers to them.

import * as Schema from "effect/Schema"
import { ConfigSchema, type SondeConfig } from "../runtime/configSchema.ts"

/** The classes whose hours are configured, each under `storage.<class>Hours`. */
export const configuredClasses = [
  "log",
  "seconds",
  "minutes",
  "hours",
  "days",
  "event",
  "fileEvent",
  "profile",
  "prometheus",
  "metric",
  "applicationLog",
] as const

type ConfiguredClass = (typeof configuredClasses)[number]

/** `tags`: longer than anything that may refer to them. */
export type RetentionClass = ConfiguredClass | "tags" | "always"

/** Hours to keep, by class. */
export type Retention = Readonly<Record<ConfiguredClass, number>>

/** The day on which tags were last used is written at least once a day; twice that, so that no clock need be exact. */
const tagMarginHours = 48

export const retentionKey = (one: ConfiguredClass): `${ConfiguredClass}Hours` => `${one}Hours`

export const retentionOf = (storage: SondeConfig["storage"]): Retention =>
  Object.fromEntries(configuredClasses.map((one) => [one, storage[retentionKey(one)]])) as Record<
    ConfiguredClass,
    number
  >

export const defaultRetention: Retention = retentionOf(Schema.decodeSync(ConfigSchema)({}).storage)

/** Undefined: kept for good. Classes that are not named have their default. */
export const retentionHours = (one: RetentionClass, retention: Partial<Retention>): number | undefined => {
  if (one === "always") return undefined
  const hours = { ...defaultRetention, ...retention }
  return one === "tags" ? Math.max(...Object.values(hours)) + tagMarginHours : hours[one]
}
