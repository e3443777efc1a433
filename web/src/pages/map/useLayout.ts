// The places of nodes and edges. Asked anew of the worker only when something has no place yet: what is on the page stays
// where it is while numbers change and services fall silent.

import { useCallback, useEffect, useRef, useState } from "react"
import type { DrawnMap } from "./foldAddresses.ts"
import { covers, emptyLayout, type Layout, type LayoutAnswer, type LayoutQuestion } from "./layout.ts"

interface State {
  readonly layout: Layout
  readonly error: Error | undefined
}

export interface LaidOut extends State {
  /** Lays out anew what there is now, without the gaps of what went away. */
  readonly tidy: () => void
}

export const useLayout = (map: DrawnMap): LaidOut => {
  const [state, setState] = useState<State>({ layout: emptyLayout, error: undefined })
  const worker = useRef<Worker | null>(null)
  const asked = useRef(0)

  useEffect(() => {
    const made = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" })
    made.addEventListener("message", ({ data }: MessageEvent<LayoutAnswer>) => {
      if (data.number === asked.current) setState({ layout: data.layout, error: undefined })
    })
    made.addEventListener("error", (event) =>
      setState((known) => ({
        ...known,
        error: new Error(event.message === "" ? "The map could not be laid out." : event.message),
      })),
    )
    worker.current = made
    return () => {
      worker.current = null
      made.terminate()
    }
  }, [])

  const tidy = useCallback(() => {
    asked.current += 1
    const nodes = map.nodes.map((node) => node.id)
    const edges = map.edges.map(({ id, client, server }) => ({ id, client, server }))
    worker.current?.postMessage({ number: asked.current, nodes, edges } satisfies LayoutQuestion)
  }, [map])

  useEffect(() => {
    const nodes = map.nodes.map((node) => node.id)
    if (!covers(state.layout, nodes, map.edges)) tidy()
  }, [map, state.layout, tidy])

  return { ...state, tidy }
}
