// A filter that is typed: its name in front, taken over by Enter or on leaving; what cannot be read is marked and not taken.

import { useState } from "react"

interface TextFilterProps {
  readonly name: string
  readonly value: string
  readonly placeholder: string
  /** What the text means; undefined: nothing. */
  readonly read?: (text: string) => string | undefined
  readonly onChange: (value: string) => void
}

const asItIs = (text: string): string => text.trim()

export const TextFilter = ({ name, value, placeholder, read = asItIs, onChange }: TextFilterProps) => {
  const [text, setText] = useState(value)
  const [known, setKnown] = useState(value)
  // The address changed by other means (back, a link): follow it.
  if (known !== value) {
    setKnown(value)
    setText(value)
  }
  const meant = text.trim() === "" ? "" : read(text)
  const take = (): void => {
    if (meant !== undefined && text !== value) onChange(meant)
  }
  return (
    <label className={`select text-filter${value === "" ? "" : " select-set"}`}>
      <span>{name}</span>
      <input
        value={text}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        aria-invalid={meant === undefined}
        onChange={(event) => setText(event.target.value)}
        onBlur={take}
        onKeyDown={(event) => {
          if (event.key === "Enter") take()
        }}
      />
    </label>
  )
}
