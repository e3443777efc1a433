// Beside a page's content: what is known of the chosen thing. Escape closes it.

import { type ReactNode, useEffect, useRef } from "react"
import { useShortcuts } from "../app/shortcuts.ts"
import { Icon } from "./Icon.tsx"

interface SidePanelProps {
  /** Says what the panel is about to those who do not see it; and what its scrolled part holds. */
  readonly label: string
  readonly bodyLabel: string
  readonly title: ReactNode
  readonly onClose: () => void
  readonly children: ReactNode
}

export const SidePanel = ({ label, bodyLabel, title, onClose, children }: SidePanelProps) => {
  const close = useRef<HTMLButtonElement>(null)
  useShortcuts({ Escape: onClose })
  useEffect(() => {
    // Only a key press moves the focus here: a click keeps it where it is.
    if (document.activeElement?.matches("button:focus-visible") === true) close.current?.focus()
  }, [])
  return (
    <aside className="side-panel" aria-label={label}>
      <header>
        <div>{title}</div>
        <button
          ref={close}
          type="button"
          className="icon-button"
          aria-label="Close details"
          title="Close (Esc)"
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      {/* The scrolled part is reached by Tab, so that keys can scroll it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="side-panel-body" tabIndex={0} role="region" aria-label={bodyLabel}>
        {children}
      </div>
    </aside>
  )
}
