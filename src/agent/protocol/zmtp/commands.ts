// Reads ZMTP's commands: what a peer says of itself (READY), what it subscribes to, and errors.

import type { ByteReader } from "../framed/ByteReader.ts"

export interface CommandFacts {
  name: string
  /** Prefix of messages that a SUBSCRIBE or CANCEL is about, reason of an ERROR. */
  text: string
  socketType: string
  identity: string
}

const maxProperties = 16

const readMetadata = (reader: ByteReader, facts: CommandFacts): void => {
  for (let i = 0; i < maxProperties && reader.left > 0; i++) {
    const name = reader.text(reader.u8())
    const length = reader.u32()
    if (name === "Socket-Type") facts.socketType = reader.text(length)
    else if (name === "Identity") facts.identity = reader.text(length)
    else reader.skip(length)
  }
}

/** Reads the body of a command at the reader's position. */
export const readCommand = (reader: ByteReader, facts: CommandFacts): void => {
  facts.text = facts.socketType = facts.identity = ""
  facts.name = reader.text(reader.u8())
  switch (facts.name) {
    case "READY":
    case "INITIATE":
      readMetadata(reader, facts)
      break
    case "SUBSCRIBE":
    case "CANCEL":
      facts.text = reader.text(reader.left)
      break
    case "ERROR":
      facts.text = reader.text(reader.u8())
      break
  }
}
