// The search field of a page, reached by `/`. What is typed takes effect after a short pause.

import { useEffect, useEffectEvent, useState } from "react"
import { Icon } from "./Icon.tsx"

const pauseMs = 250

interface SearchFieldProps {
  readonly value: string
  readonly name: string
  readonly onChange: (value: string) => void
}

export const SearchField = ({ value, name, onChange }: SearchFieldProps) => {
  const [text, setText] = useState(value)
  const [known, setKnown] = useState(value)
  // The address changed by other means (back, a link): follow it.
  if (known !== value) {
    setKnown(value)
    setText(value)
  }
  const change = useEffectEvent((next: string) => onChange(next))
  useEffect(() => {
    if (text === value) return
    const timer = window.setTimeout(() => change(text), pauseMs)
    return () => window.clearTimeout(timer)
  }, [text, value])
  return (
    <label className="search">
      <Icon name="search" />
      <span className="hidden-text">{name}</span>
      <input
        data-search
        type="search"
        value={text}
        placeholder={name}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") onChange(text)
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}
