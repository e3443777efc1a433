// PEM texts (RFC 7468): blocks of base64 between lines that name what is in them.

export interface PemBlock {
  readonly label: string
  readonly bytes: Buffer
}

export const toPem = (label: string, bytes: Uint8Array): string => {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`
}

/** All blocks of a text, in their order; what stands between them is passed over. */
export const fromPem = (text: string): ReadonlyArray<PemBlock> =>
  [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END \1-----/g)].map(
    ([, label = "", body = ""]) => ({ label, bytes: Buffer.from(body, "base64") }),
  )

/** The blocks of one kind, each as a text of its own. */
export const pemOf = (text: string, label: string): ReadonlyArray<string> =>
  fromPem(text)
    .filter((block) => block.label === label)
    .map(({ bytes }) => toPem(label, bytes))
