// Where the reader is: path and query of the address bar, which hold all state worth sharing. The one place that touches
// `history`.

import { useMemo, useSyncExternalStore } from "react"

const changed = new EventTarget()

const subscribe = (listener: () => void): (() => void) => {
  changed.addEventListener("change", listener)
  window.addEventListener("popstate", listener)
  return () => {
    changed.removeEventListener("change", listener)
    window.removeEventListener("popstate", listener)
  }
}

const snapshot = (): string => window.location.pathname + window.location.search

export const navigate = (to: string, options: { readonly replace?: boolean } = {}): void => {
  if (to === snapshot()) return
  if (options.replace === true) window.history.replaceState(null, "", to)
  else window.history.pushState(null, "", to)
  changed.dispatchEvent(new Event("change"))
}

export interface Place {
  readonly path: string
  readonly params: URLSearchParams
}

const placeOf = (address: string): Place => {
  const mark = address.indexOf("?")
  return mark < 0
    ? { path: address, params: new URLSearchParams() }
    : { path: address.slice(0, mark), params: new URLSearchParams(address.slice(mark)) }
}

export const usePlace = (): Place => {
  const address = useSyncExternalStore(subscribe, snapshot)
  return useMemo(() => placeOf(address), [address])
}

export type Patch = Readonly<Record<string, string | undefined>>

/** An address with some parameters changed; an empty value takes the parameter away. */
export const patched = (path: string, params: URLSearchParams, patch: Patch): string => {
  const next = new URLSearchParams(params)
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || value === "") next.delete(key)
    else next.set(key, value)
  }
  const text = next.toString()
  return text === "" ? path : `${path}?${text}`
}

/** Changes parameters of the current page; a step back in history unless `replace`. */
export const setParams = (patch: Patch, options: { readonly replace?: boolean } = {}): void => {
  const { path, params } = placeOf(snapshot())
  navigate(patched(path, params, patch), options)
}

const scopeKeys = ["last", "from", "to", "live"]

/** The address of another page in the same time range. */
export const pageAddress = (path: string, params: URLSearchParams, own: Patch = {}): string => {
  const kept = new URLSearchParams()
  for (const key of scopeKeys) {
    const value = params.get(key)
    if (value !== null) kept.set(key, value)
  }
  return patched(path, kept, own)
}
