// A button that opens a small panel below itself; Escape, a click elsewhere or leaving with Tab closes it.

import { type ReactNode, useEffect, useId, useRef, useState } from "react"

interface PopoverProps {
  readonly label: ReactNode
  readonly name: string
  readonly children: (close: () => void) => ReactNode
}

export const Popover = ({ label, name, children }: PopoverProps) => {
  const [isOpen, setOpen] = useState(false)
  const id = useId()
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)

  useEffect(() => {
    if (!isOpen) return
    const onPointer = (event: PointerEvent) => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false)
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return
      event.preventDefault()
      event.stopPropagation()
      setOpen(false)
      button.current?.focus()
    }
    document.addEventListener("pointerdown", onPointer)
    document.addEventListener("keydown", onKey, { capture: true })
    return () => {
      document.removeEventListener("pointerdown", onPointer)
      document.removeEventListener("keydown", onKey, { capture: true })
    }
  }, [isOpen])

  return (
    <div
      className="popover"
      ref={root}
      onBlur={(event) => {
        if (event.relatedTarget instanceof Node && !event.currentTarget.contains(event.relatedTarget))
          setOpen(false)
      }}
    >
      <button
        ref={button}
        type="button"
        className="button"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {label}
      </button>
      {isOpen ? (
        <div id={id} className="popover-panel" role="dialog" aria-label={name}>
          {/* oxlint-disable-next-line react/refs -- called by what is clicked inside, not while drawing */}
          {children(() => {
            setOpen(false)
            button.current?.focus()
          })}
        </div>
      ) : null}
    </div>
  )
}
