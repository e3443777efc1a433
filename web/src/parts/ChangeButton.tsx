// A button that makes one change on the server, after asking where the change takes something away; a refusal is shown below it.

import { type ReactNode, useState } from "react"
import { isCancelled } from "../api/admin.ts"
import { type AdminChange, useAdminChange } from "../api/adminQueries.ts"
import { Dialog } from "./Dialog.tsx"
import { ErrorNote } from "./ErrorNote.tsx"

interface ChangeButtonProps {
  readonly name: string
  readonly change: AdminChange
  /** What will happen, asked before it does; left out: at once. */
  readonly confirm?: ReactNode
  readonly isPrimary?: boolean
  readonly onDone?: () => void
  /** Said to those who do not see what the button stands beside. */
  readonly about?: string
}

export const ChangeButton = ({
  name,
  change,
  confirm,
  isPrimary = false,
  onDone,
  about,
}: ChangeButtonProps) => {
  const { mutate, isPending, error, reset } = useAdminChange<unknown>()
  const [isAsking, setAsking] = useState(false)
  const make = () => {
    setAsking(false)
    mutate(change, { onSuccess: () => onDone?.() })
  }
  return (
    <>
      <button
        type="button"
        className={isPrimary ? "button primary" : "button"}
        disabled={isPending}
        aria-label={about === undefined ? undefined : `${name} ${about}`}
        onClick={() => (confirm === undefined ? make() : setAsking(true))}
      >
        {name}
      </button>
      {isAsking ? (
        <Dialog
          title={about === undefined ? `${name}?` : `${name} ${about}?`}
          onClose={() => setAsking(false)}
        >
          <p className="soft">{confirm}</p>
          <p className="form-actions">
            <button type="button" className="button primary" onClick={make}>
              {name}
            </button>
            <button type="button" className="button" onClick={() => setAsking(false)}>
              Cancel
            </button>
          </p>
        </Dialog>
      ) : null}
      {error === null || isCancelled(error) ? null : (
        <Dialog title={`${name}: not done`} onClose={reset}>
          <ErrorNote error={error} />
        </Dialog>
      )}
    </>
  )
}
