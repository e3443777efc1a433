// Shapes between the page and the worker that lays the map out, and the geometry of what is drawn. Pure.

export interface Point {
  readonly x: number
  readonly y: number
}

export interface LayoutEdge {
  readonly id: string
  readonly client: string
  readonly server: string
}

export interface LayoutQuestion {
  readonly number: number
  readonly nodes: ReadonlyArray<string>
  readonly edges: ReadonlyArray<LayoutEdge>
}

export interface EdgePlace {
  /** From the client's border to the server's. */
  readonly points: ReadonlyArray<Point>
  readonly label: Point
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Centres. */
  readonly nodes: Readonly<Record<string, Point>>
  readonly edges: Readonly<Record<string, EdgePlace>>
}

export interface LayoutAnswer {
  readonly number: number
  readonly layout: Layout
}

export const emptyLayout: Layout = { width: 0, height: 0, nodes: {}, edges: {} }

export const nodeSize = { width: 176, height: 54 }
export const labelSize = { width: 132, height: 22 }

/** Whether everything has its place already: what went away leaves a gap, so that nothing jumps. */
export const covers = (
  layout: Layout,
  nodes: ReadonlyArray<string>,
  edges: ReadonlyArray<LayoutEdge>,
): boolean =>
  nodes.every((id) => layout.nodes[id] !== undefined) &&
  edges.every(({ id }) => layout.edges[id] !== undefined)

/** Ends of edges beside each other on the border of a node, in pixels. */
const endGap = 9

const spread = (count: number, at: number): number => {
  const gap = Math.min(endGap, (nodeSize.height - 20) / Math.max(1, count - 1))
  return (at - (count - 1) / 2) * gap
}

const byHeight = (place: (edge: LayoutEdge) => number) => (a: LayoutEdge, b: LayoutEdge) =>
  place(a) - place(b) || (a.id < b.id ? -1 : 1)

/**
 * Edges that go from left to right leave at the right border and arrive at the left one, each at a height of its own in the
 * order of where it comes from or goes to; others keep the ends they have.
 */
export const withEnds = (layout: Layout, edges: ReadonlyArray<LayoutEdge>): Layout => {
  const isForward = ({ client, server }: LayoutEdge): boolean =>
    layout.nodes[client] !== undefined &&
    layout.nodes[server] !== undefined &&
    layout.nodes[server].x - layout.nodes[client].x > nodeSize.width
  const forward = edges.filter(isForward)
  const ends = new Map<string, { start: number; end: number }>(
    forward.map((edge) => [edge.id, { start: 0, end: 0 }]),
  )
  const nextTo = (edge: LayoutEdge, at: "first" | "last"): number => {
    const inner = (layout.edges[edge.id]?.points ?? []).slice(1, -1)
    return (at === "first" ? inner[0] : inner.at(-1))?.y ?? 0
  }
  for (const id of Object.keys(layout.nodes)) {
    const leaving = forward
      .filter((edge) => edge.client === id)
      .sort(byHeight((edge) => nextTo(edge, "first")))
    for (const [at, edge] of leaving.entries()) ends.get(edge.id)!.start = spread(leaving.length, at)
    const arriving = forward
      .filter((edge) => edge.server === id)
      .sort(byHeight((edge) => nextTo(edge, "last")))
    for (const [at, edge] of arriving.entries()) ends.get(edge.id)!.end = spread(arriving.length, at)
  }
  const placed = forward.flatMap((edge) => {
    const place = layout.edges[edge.id]
    if (place === undefined) return []
    const from = layout.nodes[edge.client]!
    const to = layout.nodes[edge.server]!
    const { start, end } = ends.get(edge.id)!
    const points = [
      { x: from.x + nodeSize.width / 2, y: from.y + start },
      place.label,
      { x: to.x - nodeSize.width / 2, y: to.y + end },
    ]
    const long = place.points.length > 5 ? [points[0]!, ...place.points.slice(1, -1), points[2]!] : points
    return [[edge.id, { ...place, points: long }] as const]
  })
  const loops = edges.flatMap(({ id, client, server }) => {
    const [node, place] = [layout.nodes[client], layout.edges[id]]
    return client === server && node !== undefined && place !== undefined
      ? [[id, loopBelow(node, place)] as const]
      : []
  })
  return { ...layout, edges: { ...layout.edges, ...Object.fromEntries([...placed, ...loops]) } }
}

/** A service that calls itself: out at the bottom, through the label, back in. */
const loopBelow = (node: Point, { label }: EdgePlace): EdgePlace => {
  const bottom = node.y + nodeSize.height / 2
  const y = Math.max(label.y, bottom + 22)
  const side = nodeSize.width / 2 - 10
  return {
    label: { x: node.x, y },
    points: [
      { x: node.x + side, y: bottom },
      { x: node.x + side, y },
      { x: node.x, y },
      { x: node.x - side, y },
      { x: node.x - side, y: bottom },
    ],
  }
}

const round = (value: number): number => Math.round(value * 10) / 10

/** An SVG path through the points: level at each point where it goes to the right, else with soft corners. */
export const pathOf = (points: ReadonlyArray<Point>): string => {
  const [first, ...rest] = points
  if (first === undefined) return ""
  const isRightward = points.every((point, i) => i === 0 || point.x >= points[i - 1]!.x)
  let path = `M${round(first.x)} ${round(first.y)}`
  if (isRightward) {
    let from = first
    for (const to of rest) {
      const middle = round((from.x + to.x) / 2)
      path += `C${middle} ${round(from.y)} ${middle} ${round(to.y)} ${round(to.x)} ${round(to.y)}`
      from = to
    }
    return path
  }
  for (const [i, corner] of rest.slice(0, -1).entries()) {
    const next = rest[i + 1]!
    const isLast = i === rest.length - 2
    const to = isLast ? next : { x: (corner.x + next.x) / 2, y: (corner.y + next.y) / 2 }
    path += `Q${round(corner.x)} ${round(corner.y)} ${round(to.x)} ${round(to.y)}`
  }
  return rest.length === 1 ? `${path}L${round(rest[0]!.x)} ${round(rest[0]!.y)}` : path
}

/** Stroke width in pixels: the logarithm of the rate, between a hair and a rope. */
export const thickness = (ratePerSecond: number): number =>
  Math.round(Math.min(5, Math.max(1.25, 1.5 + 0.9 * Math.log10(1 + ratePerSecond))) * 100) / 100

export type Tone = "plain" | "warn" | "bad"

/** From which share of errors an edge or a service is marked. */
export const badRatio = 0.05

export const toneOf = (errorRatio: number): Tone =>
  errorRatio === 0 ? "plain" : errorRatio < badRatio ? "warn" : "bad"

export type Direction = "left" | "right" | "up" | "down"

/** The nearest node in a direction; sideways distance counts double. */
export const neighbourIn = (
  nodes: Readonly<Record<string, Point>>,
  from: string,
  direction: Direction,
): string | undefined => {
  const start = nodes[from]
  if (start === undefined) return undefined
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const [id, { x, y }] of Object.entries(nodes)) {
    const [dx, dy] = [x - start.x, y - start.y]
    const along = { left: -dx, right: dx, up: -dy, down: dy }[direction]
    const aside = Math.abs(direction === "left" || direction === "right" ? dy : dx)
    if (id === from || along <= 1) continue
    const distance = along + 2 * aside
    if (distance < least) [best, least] = [id, distance]
  }
  return best
}
