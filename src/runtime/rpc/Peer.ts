// Who is at the other end of a connection.

export interface Peer {
  /** `host:port` */
  readonly remote: string
  /** As its certificate says; `none`: a plain connection. */
  readonly identity: { readonly kind: "agent" | "server" | "admin" | "none"; readonly name: string }
  /** Why a certificate that it showed is not believed. */
  readonly problem?: string
}

export const nobody: Peer["identity"] = { kind: "none", name: "" }
