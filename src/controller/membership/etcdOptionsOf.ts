// How to reach an etcd, from what the configuration says about it.

import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { CoordinationError } from "../../runtime/coordination/Coordination.ts"
import type { EtcdOptions } from "../../runtime/coordination/EtcdClient.ts"

export interface ConfiguredEtcd {
  readonly endpoints: ReadonlyArray<string>
  /** Empty: none. */
  readonly user: string
  readonly password: string
  /** A file; empty: the authorities of the system. */
  readonly ca: string
}

/** `caKey` names the key of the file when it cannot be read. */
export const etcdOptionsOf = (
  { ca, endpoints, password, user }: ConfiguredEtcd,
  caKey: string,
): Effect.Effect<EtcdOptions, CoordinationError> =>
  Effect.try({
    try: () => ({
      endpoints,
      ...(user === "" ? {} : { user, password }),
      ...(ca === "" ? {} : { ca: readFileSync(ca) }),
    }),
    catch: (cause) =>
      new CoordinationError({
        reason: "refused",
        message: `${caKey}: ${ca} cannot be read (${(cause as Error).message})`,
        cause,
      }),
  })
