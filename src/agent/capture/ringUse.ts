// Whether processes have io_uring work with sockets, for `sonde doctor`: what the tracer that it opened anyway was told meanwhile.

import type { Feature } from "../../model/AgentStatus.ts"
import { readComm } from "../process/procfs.ts"
import { eventKind, processEvent } from "./layout.gen.ts"

const bufferBytes = 1_048_576
const recordHeader = 8
const mostPieces = 32
const mostNamed = 6

/** Processes that were told of since the tracer was opened; what else it was told is lost. */
export const ringUsers = (tracer: { poll(destination: Uint8Array): number }): ReadonlySet<number> => {
  const users = new Set<number>()
  const bytes = new Uint8Array(bufferBytes)
  const view = new DataView(bytes.buffer)
  for (let piece = 0; piece < mostPieces; piece++) {
    const length = tracer.poll(bytes)
    if (length === 0) break
    for (let at = 0; at + recordHeader <= length; at += recordHeader + ((view.getUint32(at, true) + 7) & ~7))
      if (view.getUint32(at + recordHeader, true) === eventKind.ring)
        users.add(view.getUint32(at + recordHeader + processEvent.tgid, true))
  }
  return users
}

/** `users` is undefined where nobody tells who does. */
export const ringFeature = (users: ReadonlySet<number> | undefined): Feature => {
  const named = [...(users ?? [])].map((pid) => `${readComm(pid)} (pid ${pid})`)
  const more = named.length > mostNamed ? ` and ${named.length - mostNamed} more` : ""
  const who =
    users === undefined
      ? "who does so is not told, either"
      : named.length === 0
        ? "nobody did so just now; the process list tells who does"
        : `${named.slice(0, mostNamed).join(", ")}${more} did so just now`
  return {
    name: "io_uring",
    on: false,
    hook: "",
    missing: `what processes send and receive by io_uring is not captured; ${who}`,
    next: "where a program has that choice, have it use ordinary system calls",
  }
}
