// The token that changes are made with: asked for when it is first needed, kept for this tab only, never in an address.

import { useSyncExternalStore } from "react"

const storageKey = "sonde.token"
const changed = new EventTarget()

const readStored = (): string => {
  try {
    return sessionStorage.getItem(storageKey) ?? ""
  } catch {
    // Storage may be forbidden; the token then lasts as long as the page.
    return ""
  }
}

let token = readStored()

/** Somebody waits for a token; `problem` says why the last one was not enough. */
export interface TokenRequest {
  readonly problem: string
  readonly answer: (token: string | undefined) => void
}
let request: TokenRequest | undefined

const tell = (): void => void changed.dispatchEvent(new Event("change"))

export const currentToken = (): string => token

export const keepToken = (next: string): void => {
  token = next
  try {
    if (next === "") sessionStorage.removeItem(storageKey)
    else sessionStorage.setItem(storageKey, next)
  } catch {}
  tell()
}

export const forgetToken = (): void => keepToken("")

/** Undefined: the reader would not. One who asks while another waits takes its place. */
export const askForToken = (problem: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    request?.answer(undefined)
    const mine: TokenRequest = {
      problem,
      answer: (given) => {
        if (request === mine) request = undefined
        if (given !== undefined) keepToken(given)
        tell()
        resolve(given)
      },
    }
    request = mine
    tell()
  })

const subscribe = (listener: () => void): (() => void) => {
  changed.addEventListener("change", listener)
  return () => changed.removeEventListener("change", listener)
}

export const useTokenRequest = (): TokenRequest | undefined => useSyncExternalStore(subscribe, () => request)

export const useHasToken = (): boolean => useSyncExternalStore(subscribe, () => token !== "")
