// Puts a text on the clipboard and says so for a moment.

import { useEffect, useState } from "react"
import { Icon } from "./Icon.tsx"

const saidMs = 1_600

interface CopyProps {
  readonly name: string
  /** A large one is made when it is asked for. */
  readonly text: string | (() => string)
}

export const CopyButton = ({ name, text }: CopyProps) => {
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
        const whole = typeof text === "string" ? text : text()
        const written = navigator.clipboard?.writeText(whole) ?? Promise.reject(new Error("no clipboard"))
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
