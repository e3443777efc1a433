// The parameters with which a client begins: names and values, each ended by NUL.

import { latin1Text, utf8Text } from "../latin1.ts"
import { nulAt } from "./messages.ts"

const maxName = 64

export interface Startup {
  user: string
  database: string
  application: string
}

export const readStartup = (bytes: Uint8Array, start: number, end: number): Startup => {
  const startup: Startup = { user: "", database: "", application: "" }
  let at = start
  while (at < end && bytes[at] !== 0) {
    const nameEnd = nulAt(bytes, at, end)
    const stop = nulAt(bytes, nameEnd + 1, end)
    const name = latin1Text(bytes, at, Math.min(nameEnd, at + maxName))
    const value = utf8Text(bytes, nameEnd + 1, Math.min(stop, nameEnd + 1 + maxName))
    if (name === "user") startup.user = value
    else if (name === "database") startup.database = value
    else if (name === "application_name") startup.application = value
    at = stop + 1
  }
  // Without a database the server takes that of the user's name.
  if (startup.database === "") startup.database = startup.user
  return startup
}
