// Makes a token; its secret is shown this once.

import { useState } from "react"
import type { MadeToken } from "../../api/adminContract.ts"
import { useAdminChange } from "../../api/adminQueries.ts"
import { CopyButton } from "../../parts/CopyButton.tsx"
import { Dialog } from "../../parts/Dialog.tsx"
import { FormActions } from "../../parts/FormActions.tsx"
import { Field } from "../../parts/Field.tsx"

const roles: ReadonlyArray<readonly [role: string, text: string]> = [
  ["agent", "agent: enrols agents"],
  ["viewer", "viewer: looks"],
  ["operator", "operator: changes agents, servers, settings"],
  ["admin", "admin: everything, also tokens"],
]

const wholeNumber = /^\d{1,6}$/

const Secret = ({ made }: { readonly made: MadeToken }) => (
  <>
    <p className="secret mono">{made.token}</p>
    <p className="soft">Keep it now: it is not shown again. Its id is {made.id}.</p>
    <p className="form-actions">
      <CopyButton name="Copy" text={made.token} />
    </p>
  </>
)

export const MakeToken = ({ onClose }: { readonly onClose: () => void }) => {
  const { mutate, isPending, error, data } = useAdminChange<MadeToken>()
  const [role, setRole] = useState("agent")
  const [note, setNote] = useState("")
  const [hours, setHours] = useState("24")
  const [uses, setUses] = useState("0")
  const isUsable = wholeNumber.test(hours) && wholeNumber.test(uses)
  if (data !== undefined) {
    return (
      <Dialog title="The token" onClose={onClose}>
        <Secret made={data} />
      </Dialog>
    )
  }
  const number = (value: string, onChange: (value: string) => void) => (
    <input
      type="text"
      inputMode="numeric"
      autoComplete="off"
      value={value}
      onChange={(event) => onChange(event.target.value.trim())}
    />
  )
  const problem = (value: string) => (wholeNumber.test(value) ? "" : "Expected a whole number.")
  return (
    <Dialog title="New token" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (!isUsable) return
          mutate({
            call: "TokenMake",
            payload: { role, note: note.trim(), hours: Number(hours), usesMost: Number(uses) },
          })
        }}
      >
        <Field name="Role">
          <select value={role} onChange={(event) => setRole(event.target.value)}>
            {roles.map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </Field>
        <Field name="Note" note="Who has it, or what for.">
          <input
            type="text"
            autoComplete="off"
            maxLength={200}
            value={note}
            onChange={(event) => setNote(event.target.value)}
          />
        </Field>
        <div className="form-row">
          <Field name="Hours" note="0: for ever" problem={problem(hours)}>
            {number(hours, setHours)}
          </Field>
          <Field name="Uses" note="0: any number" problem={problem(uses)}>
            {number(uses, setUses)}
          </Field>
        </div>
        <FormActions
          error={error}
          notDone="No token was made"
          name="Make the token"
          isDisabled={isPending || !isUsable}
          onClose={onClose}
        />
      </form>
    </Dialog>
  )
}
