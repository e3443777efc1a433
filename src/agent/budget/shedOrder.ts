// What an agent gives up when it is near its budget, the dearest first, and how a feature says that it can be given up. The order is
// here and nowhere else; who owns a feature registers it (capture/Shedding.ts).

/**
 * `files`: events of file input and output. `payload`: less of each payload is taken. `tls`: hooks in TLS libraries. `requests`:
 * all requests; connections are counted as with `agent.payload: metrics`. `capture`: everything but the list of processes.
 */
export const shedOrder = ["files", "payload", "tls", "requests", "capture"] as const

export type ShedName = (typeof shedOrder)[number]

/** Another capture takes these: it begins without what is given up. Features hear of the others while they run. */
export const stepsByRestart: ReadonlyArray<ShedName> = ["requests", "capture"]

/** A feature that can be given up, as it is told of. */
export interface Offer {
  readonly step: ShedName
  /** Names of what is given up by it, as `sonde doctor` shows them. */
  readonly features: ReadonlyArray<string>
  /** What is left once it is given up: "payload 256 B", "no TLS plaintext". */
  readonly what: string
}

/** The same, where it is. Both may be called again without anything between. */
export interface Sheddable extends Offer {
  readonly shed: () => void
  readonly restore: () => void
}

/** What is given up without the capture's help: the capture itself. */
export const captureOffer: Offer = { step: "capture", features: [], what: "no capture" }
