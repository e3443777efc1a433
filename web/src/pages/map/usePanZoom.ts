// Moving about on the map: wheel, drag, keys. All of it is in view until the reader moves.

import { type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from "react"
import type { Layout } from "./layout.ts"

export interface View {
  readonly x: number
  readonly y: number
  readonly scale: number
}

const limits = { least: 0.05, most: 2.5 }
/** A small map is not blown up beyond this to fill the page. */
const largestFit = 1.25
const margin = { x: 48, y: 64 }
const step = 1.25
/** A press that moves less is a click. */
const dragFrom = 4

export const fitted = (layout: Layout, width: number, height: number): View => {
  const scale = Math.min(
    largestFit,
    Math.max(
      limits.least,
      Math.min(
        (width - 2 * margin.x) / Math.max(1, layout.width),
        (height - 2 * margin.y) / Math.max(1, layout.height),
      ),
    ),
  )
  return { scale, x: (width - layout.width * scale) / 2, y: (height - layout.height * scale) / 2 }
}

export const zoomed = (view: View, factor: number, atX: number, atY: number): View => {
  const scale = Math.min(limits.most, Math.max(limits.least, view.scale * factor))
  const ratio = scale / view.scale
  return { scale, x: atX - (atX - view.x) * ratio, y: atY - (atY - view.y) * ratio }
}

/** How far something between two places must move to be between 0 and `size`, with some air. */
export const shift = (from: number, to: number, size: number): number => {
  const air = 12
  if (from < air) return air - from
  return to > size - air ? size - air - to : 0
}

export const usePanZoom = (root: RefObject<HTMLDivElement | null>, layout: Layout) => {
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 })
  const hasMoved = useRef(false)
  const drag = useRef<{ x: number; y: number; isMoving: boolean } | null>(null)

  const fit = useCallback(() => {
    const element = root.current
    if (element === null || layout.width === 0) return
    hasMoved.current = false
    setView(fitted(layout, element.clientWidth, element.clientHeight))
  }, [root, layout])

  useEffect(() => {
    const element = root.current
    if (element === null) return
    const follow = () => {
      if (!hasMoved.current) fit()
    }
    follow()
    const sizes = new ResizeObserver(follow)
    sizes.observe(element)
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      hasMoved.current = true
      const box = element.getBoundingClientRect()
      const lines = event.deltaMode === 1 ? 18 : 1
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018))
      setView((known) => zoomed(known, factor, event.clientX - box.left, event.clientY - box.top))
    }
    // React's wheel listeners are passive, and the page must not scroll here.
    element.addEventListener("wheel", onWheel, { passive: false })
    return () => {
      sizes.disconnect()
      element.removeEventListener("wheel", onWheel)
    }
  }, [root, fit])

  const zoom = (isCloser: boolean) => {
    const element = root.current
    if (element === null) return
    hasMoved.current = true
    setView((known) =>
      zoomed(known, isCloser ? step : 1 / step, element.clientWidth / 2, element.clientHeight / 2),
    )
  }

  /** Moves as little as needed to have an element in view. */
  const reveal = (target: Element) => {
    const element = root.current
    if (element === null) return
    const [outer, inner] = [element.getBoundingClientRect(), target.getBoundingClientRect()]
    const dx = shift(inner.left - outer.left, inner.right - outer.left, outer.width)
    const dy = shift(inner.top - outer.top, inner.bottom - outer.top, outer.height)
    if (dx === 0 && dy === 0) return
    hasMoved.current = true
    setView((known) => ({ ...known, x: known.x + dx, y: known.y + dy }))
  }

  const handlers = {
    onPointerDown: (event: PointerEvent<HTMLDivElement>) => {
      if (event.button !== 0) return
      if (event.target instanceof Element && event.target.closest("button, a") !== null) return
      drag.current = { x: event.clientX, y: event.clientY, isMoving: false }
      event.currentTarget.setPointerCapture(event.pointerId)
    },
    onPointerMove: (event: PointerEvent<HTMLDivElement>) => {
      const from = drag.current
      if (from === null) return
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y]
      if (!from.isMoving && Math.hypot(dx, dy) < dragFrom) return
      hasMoved.current = true
      drag.current = { x: event.clientX, y: event.clientY, isMoving: true }
      setView((known) => ({ ...known, x: known.x + dx, y: known.y + dy }))
    },
    onPointerUp: () => {
      drag.current = null
    },
    onPointerCancel: () => {
      drag.current = null
    },
  }

  return { view, fit, zoom, reveal, handlers }
}
