// What a comparison needs of one protocol: a real server, real clients, and how both sides tell what was said.

import type { Program } from "../system/support/programs.ts"

/** One message as `sonde replay --messages` prints it; see src/agent/protocol/neutral.ts. */
export type Message = Readonly<Record<string, unknown>>

/** The values of the asked fields in one packet, each as often as it occurs there. */
export type Fields = Readonly<Record<string, ReadonlyArray<string>>>

export interface Told {
  readonly requests: ReadonlyArray<string>
  readonly responses: ReadonlyArray<string>
}

export interface Peer {
  readonly name: string
  /** Programs that must be there, as paths or names. */
  readonly programs: ReadonlyArray<string>
  readonly transport: "tcp" | "udp"
  readonly start: () => Promise<Program>
  /** What clients do before the capture ... */
  readonly prepare?: (port: number) => void | Promise<void>
  /** ... and during it. */
  readonly drive: (port: number) => void | Promise<void>
  /** tshark's name of the protocol, for ports that are not the usual ones. */
  readonly dissector: string
  readonly fields: ReadonlyArray<string>
  /** What tshark says, in the words that `ours` uses. */
  readonly theirs: (packets: ReadonlyArray<Fields>, port: number) => Told
  /** The same of a message; undefined: tshark has no word for it. */
  readonly ours: (message: Message) => string | undefined
}
