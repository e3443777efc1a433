// Slow calls on files as lanes of the timing diagram. Pure.

import type { FileCall, RequestEvents } from "../../api/contract.ts"
import { formatBytes } from "../../parts/format.ts"
import type { Timing } from "./timing.ts"

export interface FileLane {
  readonly call: FileCall
  /** Microseconds after the diagram's start, cut to its ends. */
  readonly start: number
  readonly end: number
}

/** Lanes drawn: the longest waits. */
const maxLanes = 12

export const fileLanesOf = (
  files: ReadonlyArray<FileCall>,
  { lengthUs, startUs }: Pick<Timing, "startUs" | "lengthUs">,
): ReadonlyArray<FileLane> =>
  files
    .toSorted((a, b) => b.durationUs - a.durationUs)
    .slice(0, maxLanes)
    .map((call) => ({
      call,
      start: Math.min(lengthUs, Math.max(0, call.startUs - startUs)),
      end: Math.min(lengthUs, Math.max(0, call.endUs - startUs)),
    }))
    .toSorted((a, b) => a.start - b.start)

const verbs: Readonly<Record<string, string>> = {
  read: "Read of",
  write: "Write to",
  sync: "Sync of",
  open: "Open of",
}

export const callText = ({ path, type }: FileCall): string => `${verbs[type] ?? type} ${path}`

/** "64 kB at 128 kB", "EIO"; empty of calls that move nothing. */
export const callNote = ({ bytes, error, offset, type }: FileCall): string => {
  const moved =
    type === "read" || type === "write" ? `${formatBytes(bytes)} at offset ${formatBytes(offset)}` : ""
  return [moved, error === "" ? "" : `failed: ${error}`].filter((part) => part !== "").join(", ")
}

/** What is to be said when a thread had more to do than this request; empty: nothing. */
export const sharedNote = ({ files, threads }: RequestEvents): string => {
  if (files.every(({ isCertain }) => isCertain)) return ""
  const others = threads.reduce((sum, { otherRequests }) => sum + otherRequests, 0)
  if (others === 0) return ""
  const what = others === 1 ? "another request" : `${others} other requests`
  return `The thread had ${what} under way at the same time: a wait may be for one of these, but it held up all of them.`
}
