// Observation points: where along its way a request was seen, in words.

export interface Point {
  readonly name: string
  readonly short: string
  readonly text: string
}

/** In the order of a request's way from the client. */
export const points: ReadonlyArray<Point> = [
  { name: "c-p", short: "client", text: "Client process" },
  { name: "c", short: "client nic", text: "Client network card" },
  { name: "local", short: "loopback", text: "Loopback" },
  { name: "rest", short: "network", text: "Elsewhere in the network" },
  { name: "s", short: "server nic", text: "Server network card" },
  { name: "s-p", short: "server", text: "Server process" },
]

/** Points that only spans of traces have. */
const tracePoints: ReadonlyArray<Point> = [
  { name: "c-app", short: "client app", text: "Client program" },
  { name: "c-nd", short: "client node", text: "Network card of the client's node" },
  { name: "s-nd", short: "server node", text: "Network card of the server's node" },
  { name: "s-app", short: "server app", text: "Server program" },
  { name: "app", short: "app", text: "Within the program" },
]

export const pointOf = (name: string): Point =>
  [...points, ...tracePoints].find((point) => point.name === name) ?? { name, short: name, text: name }

/** Place on the way from client (0) to server. */
export const pointRank = (name: string): number => points.findIndex((point) => point.name === name)
