// Who administers: a token's or a certificate's role, and whether it is enough for a call.

import { type Role, roles } from "../../wire/control/AdminRpc.ts"

export interface Caller {
  /** For the audit log: "local", "token ab12", "server s1", "certificate anna". */
  readonly name: string
  readonly role: Role
}

/** Each role includes the ones before it. */
export const isEnough = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed)
