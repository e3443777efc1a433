// The end of a form in a dialog: why it was refused, if it was, and the buttons that send it and leave it.

import { ErrorNote } from "./ErrorNote.tsx"

export interface FormActionsProps {
  readonly error: Error | null
  /** Of the error. */
  readonly notDone?: string
  /** On the button that sends. */
  readonly name: string
  readonly isDisabled: boolean
  readonly onClose: () => void
}

export const FormActions = ({
  error,
  isDisabled,
  name,
  notDone = "Nothing was changed",
  onClose,
}: FormActionsProps) => (
  <>
    {error === null ? null : <ErrorNote error={error} title={notDone} />}
    <p className="form-actions">
      <button type="submit" className="button primary" disabled={isDisabled}>
        {name}
      </button>
      <button type="button" className="button" onClick={onClose}>
        Cancel
      </button>
    </p>
  </>
)
