// Light or dark: what the system says, unless the reader chose; the choice stays in this browser.

import { useSyncExternalStore } from "react"

export type ThemeChoice = "system" | "light" | "dark"
export type Theme = "light" | "dark"

const storageKey = "sonde.theme"
const systemDark = window.matchMedia("(prefers-color-scheme: dark)")
const changed = new EventTarget()

const readChoice = (): ThemeChoice => {
  try {
    const stored = localStorage.getItem(storageKey)
    return stored === "light" || stored === "dark" ? stored : "system"
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
    return "system"
  }
}

let choice: ThemeChoice = readChoice()

const themeNow = (): Theme => (choice === "system" ? (systemDark.matches ? "dark" : "light") : choice)

export const applyTheme = (): void => {
  document.documentElement.dataset["theme"] = themeNow()
}

export const chooseTheme = (next: ThemeChoice): void => {
  choice = next
  try {
    if (next === "system") localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, next)
  } catch {}
  applyTheme()
  changed.dispatchEvent(new Event("change"))
}

systemDark.addEventListener("change", () => {
  applyTheme()
  changed.dispatchEvent(new Event("change"))
})

const subscribe = (listener: () => void): (() => void) => {
  changed.addEventListener("change", listener)
  return () => changed.removeEventListener("change", listener)
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, themeNow)

/** What a colour token is now, for drawing on a canvas, which knows no custom properties. */
export const colorOf = (token: string): string => {
  const probe = document.createElement("span")
  probe.style.color = `var(${token})`
  document.body.append(probe)
  const color = getComputedStyle(probe).color
  probe.remove()
  return color
}
