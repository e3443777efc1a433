// Who a certificate is for: the URI `sonde://REGION/KIND/NAME`, the first of its alternative names and the only URI; hosts may follow,
// for browsers, and mean nothing here.

import type { X509Certificate } from "node:crypto"
import type { Peer } from "../rpc/Peer.ts"

export type IdentityKind = Exclude<Peer["identity"]["kind"], "none">

export interface Identity {
  readonly kind: IdentityKind
  readonly name: string
}

const namePattern = /^[0-9a-zA-Z._-]{1,64}$/
const pattern =
  /^URI:sonde:\/\/([0-9a-zA-Z._-]{1,64})\/(agent|server|admin)\/([0-9a-zA-Z._-]{1,64})(?:, (?:DNS|IP Address):[0-9a-zA-Z.:_-]{1,255}){0,64}$/

/** Whether a region, an agent, a server or a person can have this name in a certificate. */
export const isIdentityName = (text: string): boolean => namePattern.test(text)

export const identityUri = (region: string, { kind, name }: Identity): string =>
  `sonde://${region}/${kind}/${name}`

/** Undefined: the certificate says nothing of that kind. Whether it is to be believed is another question. */
export const identityIn = (
  certificate: X509Certificate,
): (Identity & { readonly region: string }) | undefined => {
  const [, region, kind, name] = pattern.exec(certificate.subjectAltName ?? "") ?? []
  return region === undefined || name === undefined ? undefined : { region, kind: kind as IdentityKind, name }
}
