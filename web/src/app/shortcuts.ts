// Keys that act without a focused control: `/`, `j`, `g m` and so on. One listener for the page; each component says which
// keys it takes while it is shown. Keys typed into fields and keys with modifiers are left alone.

import { useEffect, useEffectEvent } from "react"

/** By key, or two keys with a space between. */
export type ShortcutActions = Readonly<Record<string, () => void>>

/** Time between the two keys of a pair. */
const pairMs = 1_200

export interface KeyState {
  readonly first: string
  readonly atMs: number
}

export const noKey: KeyState = { first: "", atMs: 0 }

/**
 * What a key means after what was pressed before: names to look for, best first, and the state for the next key.
 * `prefixes` are first keys of pairs.
 */
export const readKey = (
  state: KeyState,
  key: string,
  atMs: number,
  prefixes: ReadonlySet<string>,
): { readonly names: ReadonlyArray<string>; readonly state: KeyState } => {
  const isPair = state.first !== "" && atMs - state.atMs <= pairMs
  const names = isPair ? [`${state.first} ${key}`, key] : [key]
  return { names, state: prefixes.has(key) ? { first: key, atMs } : noKey }
}

const taken = new Set<ShortcutActions>()
let state = noKey

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))

/** Enter belongs to a focused button or link, whatever the page does with it. */
const isOwnKey = (event: KeyboardEvent): boolean =>
  event.key === "Enter" &&
  event.target instanceof Element &&
  event.target.closest("a, button, [role=button], summary") !== null

const onKeyDown = (event: KeyboardEvent): void => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (event.repeat && !["j", "k", "ArrowDown", "ArrowUp"].includes(event.key)) return
  if (document.querySelector("dialog[open]") !== null || isOwnKey(event)) return
  if (isTyping(event.target)) {
    if (event.key === "Escape") (event.target as HTMLElement).blur()
    return
  }
  const prefixes = new Set(
    [...taken].flatMap((actions) =>
      Object.keys(actions).flatMap((name) => (name.includes(" ") ? [name.slice(0, 1)] : [])),
    ),
  )
  const read = readKey(state, event.key, event.timeStamp, prefixes)
  state = read.state
  for (const name of read.names) {
    // The component shown last comes first: a panel's Escape before the page's.
    const found = [...taken].toReversed().find((actions) => actions[name] !== undefined)
    if (found === undefined) continue
    event.preventDefault()
    return found[name]()
  }
}

window.addEventListener("keydown", onKeyDown)

export const useShortcuts = (actions: ShortcutActions): void => {
  const run = useEffectEvent((name: string) => actions[name]?.())
  const names = Object.keys(actions).join("\n")
  useEffect(() => {
    const entry = Object.fromEntries(names.split("\n").map((name) => [name, () => run(name)]))
    taken.add(entry)
    return () => void taken.delete(entry)
  }, [names])
}

/** Puts the cursor into the page's search field. */
export const focusSearch = (): void => {
  const field = document.querySelector<HTMLInputElement>("[data-search]")
  field?.focus()
  field?.select()
}
