// Tokens as peers show them: the shared secret in HELLO, the bearer's in a header.

import { createHash, timingSafeEqual } from "node:crypto"

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Compares in a time that tells nothing of either; an empty `expected` asks for no token. */
export const isTokenValid = (expected: string, given: string): boolean =>
  expected === "" || timingSafeEqual(digest(expected), digest(given))

/** The token of an `authorization` header; empty: there is none. */
export const bearerOf = (header: string | undefined): string =>
  /^Bearer ([\x21-\x7e]{1,1024})$/i.exec(header ?? "")?.[1] ?? ""
