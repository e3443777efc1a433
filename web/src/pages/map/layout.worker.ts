// Lays the map out from left to right, off the page's thread.

import { Graph, layout } from "@dagrejs/dagre"
import { type Layout, type LayoutQuestion, labelSize, nodeSize, withEnds } from "./layout.ts"

const place = ({ nodes, edges }: LayoutQuestion): Layout => {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: "LR", nodesep: 34, edgesep: 16, ranksep: 36, marginx: 0, marginy: 0 })
  graph.setDefaultEdgeLabel(() => ({}))
  // The same names in the same order give the same places.
  for (const id of [...nodes].sort()) graph.setNode(id, { ...nodeSize })
  for (const { id, client, server } of [...edges].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    graph.setEdge(client, server, { ...labelSize, labelpos: "c" }, id)
  }
  layout(graph)
  const size = graph.graph()
  const placed: Layout = {
    width: size.width ?? 0,
    height: size.height ?? 0,
    nodes: Object.fromEntries(graph.nodes().map((id) => [id, { x: graph.node(id).x, y: graph.node(id).y }])),
    edges: Object.fromEntries(
      edges.map(({ id, client, server }) => {
        const edge = graph.edge(client, server, id)
        return [id, { points: edge.points ?? [], label: { x: edge.x ?? 0, y: edge.y ?? 0 } }]
      }),
    ),
  }
  return withEnds(placed, edges)
}

self.addEventListener("message", ({ data }: MessageEvent<LayoutQuestion>) => {
  self.postMessage({ number: data.number, layout: place(data) })
})
