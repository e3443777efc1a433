// The places at which a request is seen, in the order in which it passes them on its way from client to server.

const order = [
  "c-p",
  "c",
  "c-nd",
  "c-hv",
  "c-gw-hv",
  "c-gw",
  // Somewhere between, or the interface of both ends.
  "rest",
  "local",
  "s-gw",
  "s-gw-hv",
  "s-hv",
  "s-nd",
  "s",
  "s-p",
]

const ranks = new Map(order.map((point, rank) => [point, rank]))

const between = ranks.get("rest")!

export const observationRank = (point: string): number => ranks.get(point) ?? between
