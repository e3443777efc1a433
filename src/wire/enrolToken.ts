// The text of a token that somebody was given: `sonde1.ID.SECRET.FINGERPRINT`. Who has it can find the right servers by it: the
// fingerprint is that of the region's authority (SHA-256, base64url), and no server of another region is told the secret.

export interface TokenText {
  readonly id: string
  /** 32 random bytes, base64url. */
  readonly secret: string
  readonly fingerprint: string
}

const pattern = /^sonde1\.([0-9a-z]{8,16})\.([0-9A-Za-z_-]{43})\.([0-9A-Za-z_-]{43})$/

export const formatToken = ({ fingerprint, id, secret }: TokenText): string =>
  `sonde1.${id}.${secret}.${fingerprint}`

/** Undefined: that is no token of this kind. */
export const parseToken = (text: string): TokenText | undefined => {
  const [, id, secret, fingerprint] = pattern.exec(text.trim()) ?? []
  return id === undefined || secret === undefined || fingerprint === undefined
    ? undefined
    : { id, secret, fingerprint }
}
