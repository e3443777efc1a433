// Asks for the token that a change needs.

import { useState } from "react"
import { useTokenRequest } from "../api/token.ts"
import { Dialog } from "./Dialog.tsx"
import { Field } from "./Field.tsx"

/** What a header can carry. */
const tokenPattern = /^[\x21-\x7e]{8,1024}$/

const TokenForm = ({ onAnswer }: { readonly onAnswer: (token: string | undefined) => void }) => {
  const [text, setText] = useState("")
  const token = text.trim()
  const isUsable = tokenPattern.test(token)
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        if (isUsable) onAnswer(token)
      }}
    >
      <Field
        name="Token"
        problem={text === "" || isUsable ? "" : "A token is one word of at least 8 characters."}
      >
        <input
          type="password"
          className="mono"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      <p className="form-actions">
        <button type="submit" className="button primary" disabled={!isUsable}>
          Go on
        </button>
        <button type="button" className="button" onClick={() => onAnswer(undefined)}>
          Cancel
        </button>
      </p>
    </form>
  )
}

export const TokenDialog = () => {
  const request = useTokenRequest()
  if (request === undefined) return null
  return (
    <Dialog title="Changes need a token" onClose={() => request.answer(undefined)}>
      {request.problem === "" ? null : (
        <p className="field-error" role="alert">
          {request.problem}
        </p>
      )}
      <p className="soft">
        Paste the token in <code>DATA/admin-token</code> (DATA is the data directory of the server), or one
        made by <code>sonde admin tokens make operator</code>. This tab keeps it until it is closed.
      </p>
      <TokenForm onAnswer={request.answer} />
    </Dialog>
  )
}
