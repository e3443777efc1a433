// Where along a request's way it was seen: DeepFlow's observation points and signal sources, by number and by name.

export const ObservationPoint = {
  /** A packet on an interface that belongs to neither side. */
  rest: 0,
  /** A packet on the client's own interface. */
  clientNic: 1,
  /** A packet on the server's own interface. */
  serverNic: 2,
  /** A packet on an interface that belongs to both sides (loopback). */
  local: 4,
  /** A packet on an interface of the host that the client runs on, on its way to or from it; the same of the server. */
  clientNode: 9,
  serverNode: 10,
  /** A system call of the client process. */
  clientProcess: 41,
  /** A system call of the server process. */
  serverProcess: 42,
  /** What a program tells of its own work, of a call that it makes, of a request that it answers. */
  application: 48,
  clientApplication: 49,
  serverApplication: 50,
} as const

export type ObservationPoint = (typeof ObservationPoint)[keyof typeof ObservationPoint]

const names: Record<number, string> = {
  [ObservationPoint.rest]: "rest",
  [ObservationPoint.clientNic]: "c",
  [ObservationPoint.serverNic]: "s",
  [ObservationPoint.local]: "local",
  [ObservationPoint.clientNode]: "c-nd",
  [ObservationPoint.serverNode]: "s-nd",
  [ObservationPoint.clientProcess]: "c-p",
  [ObservationPoint.serverProcess]: "s-p",
  [ObservationPoint.application]: "app",
  [ObservationPoint.clientApplication]: "c-app",
  [ObservationPoint.serverApplication]: "s-app",
}

/** The short form that the tables store: `c-p`, `s-p`, `c`, `s`, `c-nd`, `s-nd`, `local`, `app`, `c-app`, `s-app`, `rest`. */
export const observationPointName = (point: number): string => names[point] ?? "rest"

export const SignalSource = { packet: 0, ebpf: 3, openTelemetry: 4 } as const

/** Kinds of spans that programs tell of, by OpenTelemetry's numbers. */
export const SpanKind = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind]
