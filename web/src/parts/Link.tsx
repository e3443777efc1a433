// A link inside the console: a plain anchor that opens without loading the page anew.

import type { AnchorHTMLAttributes, MouseEvent } from "react"
import { navigate } from "../app/location.ts"

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly to: string
}

/** Clicks that ask for another tab or a download are the browser's. */
const isPlain = (event: MouseEvent): boolean =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey

export const Link = ({ to, onClick, children, ...rest }: LinkProps) => (
  <a
    {...rest}
    href={to}
    onClick={(event) => {
      onClick?.(event)
      if (event.defaultPrevented || !isPlain(event)) return
      event.preventDefault()
      navigate(to)
    }}
  >
    {children}
  </a>
)
