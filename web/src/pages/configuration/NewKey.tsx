// Adds a key by its name, for servers whose schema names none.

import { useState } from "react"

const namePattern = /^[a-zA-Z][\w.]{0,127}$/

interface NewKeyProps {
  readonly taken: ReadonlySet<string>
  readonly onAdd: (path: string) => void
}

export const NewKey = ({ taken, onAdd }: NewKeyProps) => {
  const [name, setName] = useState("")
  const isUsable = namePattern.test(name) && !taken.has(name)
  return (
    <form
      className="new-key"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isUsable) return
        onAdd(name)
        setName("")
      }}
    >
      <label>
        <span className="soft">Key</span>
        <input
          type="text"
          className="input mono"
          autoComplete="off"
          spellCheck={false}
          value={name}
          onChange={(event) => setName(event.target.value.trim())}
        />
      </label>
      <button type="submit" className="button" disabled={!isUsable}>
        Add
      </button>
      <p className="faint">The server names no keys: values are written as JSON.</p>
    </form>
  )
}
