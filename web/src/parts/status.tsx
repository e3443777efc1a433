// Outcomes of requests: names, colours and the small mark that shows one.

import type { HistogramBucket, StatusName } from "../api/contract.ts"

export interface StatusKind {
  readonly name: StatusName
  readonly text: string
  /** Token of its colour. */
  readonly color: string
  /** Its count in a histogram's bucket. */
  readonly count: Exclude<keyof HistogramBucket, "time">
}

export const statusKinds: ReadonlyArray<StatusKind> = [
  { name: "ok", text: "OK", color: "--ok", count: "ok" },
  { name: "client_error", text: "Client error", color: "--warn", count: "clientError" },
  { name: "server_error", text: "Server error", color: "--bad", count: "serverError" },
  { name: "timeout", text: "No answer", color: "--late", count: "timeout" },
  { name: "unknown", text: "Unknown", color: "--dim", count: "unknown" },
]

export const statusText = (status: string): string =>
  statusKinds.find((kind) => kind.name === status)?.text ?? "Unknown"

/** The code if the protocol has one, else the word. */
export const StatusMark = ({ status, code }: { readonly status: string; readonly code: number | null }) => (
  <span className={`status status-${status}`} title={statusText(status)}>
    {code === null ? statusText(status) : code}
    {code === null ? null : <span className="hidden-text"> {statusText(status)}</span>}
  </span>
)
