// The keys of the whole configuration as a flat list: for environment names, flags, messages and docs.

import { ConfigSchema } from "./configSchema.ts"
import { type ConfigKey, jsonSchemaOf, keysOfSchema } from "./schemaKeys.ts"

export type { ConfigKey } from "./schemaKeys.ts"

/** JSON Schema (draft 2020-12) of sonde.yaml. */
export const configJsonSchema = (): object => jsonSchemaOf(ConfigSchema)

/** Every key, in the schema's order. */
export const configKeys: ReadonlyArray<ConfigKey> = keysOfSchema(ConfigSchema)
