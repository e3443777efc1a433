// Puts a text on the clipboard and says so for a moment.

import { useEffect, useState } from "react"
import { Icon } from "./Icon.tsx"

const saidMs = 1_600

export const CopyButton = ({ name, text }: { readonly name: string; readonly text: string }) => {
  const [said, setSaid] = useState("")
  useEffect(() => {
    if (said === "") return
    const timer = window.setTimeout(() => setSaid(""), saidMs)
    return () => window.clearTimeout(timer)
  }, [said])
  return (
    <button
      type="button"
      className="button"
      onClick={() => {
        // Without a secure context (plain HTTP to another host) there is no clipboard.
        const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"))
        written.then(
          () => setSaid("Copied"),
          () => setSaid("The browser forbids it"),
        )
      }}
    >
      <Icon name={said === "Copied" ? "check" : "copy"} />
      <span aria-live="polite">{said === "" ? name : said}</span>
    </button>
  )
}
