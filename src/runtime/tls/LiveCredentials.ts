// The certificate of this process as it is now, for everything that listens or connects: whoever renews it replaces it here, and
// listeners take it over without closing a connection.

/** PEM texts. */
export interface Credentials {
  /** PKCS #8. */
  readonly key: string
  readonly certificate: string
  /** The only authority whose certificates are believed. */
  readonly authority: string
}

export class LiveCredentials {
  #current: Credentials
  readonly #followers = new Set<(credentials: Credentials) => void>()

  constructor(first: Credentials) {
    this.#current = first
  }

  get current(): Credentials {
    return this.#current
  }

  replace(credentials: Credentials): void {
    this.#current = credentials
    for (const follower of this.#followers) follower(credentials)
  }

  /** Gives what ends it. */
  follow(follower: (credentials: Credentials) => void): () => void {
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }
}
