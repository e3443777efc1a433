// Who is at the other end of a connection.

export interface Peer {
  /** `host:port` */
  readonly remote: string
  /** Without it the connection is plain, which only loopback may be. With it, whoever shows no certificate may only enrol. */
  readonly isTls: boolean
  /** As its certificate says; `none`: it showed none, or none that is believed. */
  readonly identity: { readonly kind: "agent" | "server" | "admin" | "none"; readonly name: string }
  /** Why a certificate that it showed is not believed. */
  readonly problem?: string
  /** That certificate is valid, and taken no more. */
  readonly isRevoked?: boolean
}

export const nobody: Peer["identity"] = { kind: "none", name: "" }
