// Which processes the page shows in which order. Pure.

import type { CaptureState, ProcessView } from "../../api/contract.ts"

export const captureStates: ReadonlyArray<readonly [state: CaptureState, text: string]> = [
  ["captured", "Captured"],
  ["partly", "Partly"],
  ["not", "Not captured"],
]

export const captureText = (state: CaptureState): string =>
  captureStates.find(([name]) => name === state)?.[1] ?? state

/** What the search looks at; a number is a pid or a port from its beginning. */
export const matchesProcess = (process: ProcessView, search: string): boolean => {
  const text = search.trim().toLowerCase()
  if (text === "") return true
  if (/^\d+$/.test(text)) {
    return (
      String(process.pid).startsWith(text) ||
      process.listening.some(({ port }) => String(port).startsWith(text)) ||
      process.commandLine.includes(text)
    )
  }
  return [
    process.service,
    process.comm,
    process.commandLine,
    process.user,
    process.containerId,
    ...process.capture.protocols,
  ].some((value) => value.toLowerCase().includes(text))
}

export const columns = {
  state: {
    text: "Capture",
    isNumber: false,
    value: (each: ProcessView) => captureStates.findIndex(([state]) => state === each.capture.state),
  },
  service: { text: "Service", isNumber: false, value: (each: ProcessView) => each.service.toLowerCase() },
  pid: { text: "PID", isNumber: true, value: (each: ProcessView) => each.pid },
  user: { text: "User", isNumber: false, value: (each: ProcessView) => each.user },
  listening: {
    text: "Listens on",
    isNumber: false,
    value: (each: ProcessView) => each.listening[0]?.port ?? 65_536,
  },
  protocols: {
    text: "Protocols",
    isNumber: false,
    value: (each: ProcessView) => each.capture.protocols.join(),
  },
  requests: { text: "Requests", isNumber: true, value: (each: ProcessView) => each.capture.requests },
}
export type Column = keyof typeof columns

export const countByState = (
  processes: ReadonlyArray<ProcessView>,
): Readonly<Record<CaptureState, number>> => {
  const counts = { captured: 0, partly: 0, not: 0 }
  for (const process of processes) counts[process.capture.state] += 1
  return counts
}

/** ":8080", "127.0.0.1:8080", each once; every address is left out. */
export const portTexts = (process: ProcessView): ReadonlyArray<string> => [
  ...new Set(
    process.listening.map(({ ip, port }) =>
      ip === "0.0.0.0" || ip === "::" ? `*:${port}` : `${ip.includes(":") ? `[${ip}]` : ip}:${port}`,
    ),
  ),
]
