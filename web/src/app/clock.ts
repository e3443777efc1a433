// The current time for the page: the one place that reads the clock.

import { useSyncExternalStore } from "react"

const tickMs = 1_000

const subscribe = (listener: () => void): (() => void) => {
  const timer = window.setInterval(listener, tickMs)
  return () => window.clearInterval(timer)
}

const wholeSecond = (): number => Math.floor(Date.now() / tickMs) * tickMs

/** Milliseconds since 1970 in whole seconds; the component is drawn again every second. */
export const useNowMs = (): number => useSyncExternalStore(subscribe, wholeSecond)
