// Before a change is saved: what it changes, why, and to how many agents first. A conflict says who was first.

import { useState } from "react"
import type { ConfigVersion, LayerRef } from "../../api/adminContract.ts"
import { useAdminChange } from "../../api/adminQueries.ts"
import { Dialog } from "../../parts/Dialog.tsx"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { Field } from "../../parts/Field.tsx"
import { DiffList } from "./DiffList.tsx"
import { changedValues, type Difference, layerText, readStages } from "./draft.ts"

interface SaveDialogProps {
  readonly layer: LayerRef
  /** The change was made from it. */
  readonly base: ConfigVersion
  /** The version in force as the server told it last. */
  readonly newest: ConfigVersion
  readonly differences: ReadonlyArray<Difference>
  readonly restarts: ReadonlyArray<string>
  readonly onRebase: () => void
  readonly onSaved: (version: ConfigVersion) => void
  readonly onClose: () => void
}

export const SaveDialog = (props: SaveDialogProps) => {
  const { layer, base, newest, differences, restarts, onRebase, onSaved, onClose } = props
  const { mutate, isPending, error, reset } = useAdminChange<ConfigVersion>()
  const [comment, setComment] = useState("")
  const [stagesText, setStagesText] = useState("")
  const read = readStages(stagesText)
  const problem = "problem" in read ? read.problem : ""

  const save = () => {
    if ("problem" in read) return
    mutate(
      {
        call: "ConfigSet",
        payload: {
          layer,
          values: changedValues(differences),
          expected: base.version,
          comment: comment.trim(),
          stages: read.stages,
        },
      },
      { onSuccess: onSaved },
    )
  }
  return (
    <Dialog title={`Change ${layerText(layer)}`} onClose={onClose} isWide>
      {differences.length === 0 ? (
        <p className="soft">Version {base.version} says all of this already: nothing is left to change.</p>
      ) : (
        <DiffList differences={differences} />
      )}
      {restarts.length === 0 ? null : (
        <p className="soft">
          Agents start anew what depends on {restarts.join(", ")}: a moment of their capture is lost.
        </p>
      )}
      {error === null ? null : <ErrorNote error={error} title="Nothing was changed" />}
      {newest.version === base.version ? null : (
        <div className="conflict">
          <p>
            Version {newest.version} by <b>{newest.author}</b> is in force
            {newest.comment === "" ? "" : ` (“${newest.comment}”)`}; this change was made from version{" "}
            {base.version}.
          </p>
          <button
            type="button"
            className="button"
            onClick={() => {
              reset()
              onRebase()
            }}
          >
            Make it from version {newest.version}
          </button>
        </div>
      )}
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          save()
        }}
      >
        <Field name="Why (comment)">
          <input
            type="text"
            autoComplete="off"
            maxLength={500}
            value={comment}
            onChange={(event) => setComment(event.target.value)}
          />
        </Field>
        <Field
          name="Stages"
          note="Such as 1, 10%, 100%: each follows once the one before has proved itself. Empty: all agents at once."
          problem={problem}
        >
          <input
            type="text"
            className="mono"
            autoComplete="off"
            value={stagesText}
            onChange={(event) => setStagesText(event.target.value)}
          />
        </Field>
        <p className="form-actions">
          <button
            type="submit"
            className="button primary"
            disabled={isPending || problem !== "" || differences.length === 0}
          >
            {isPending ? "Saving…" : "Save"}
          </button>
          <button type="button" className="button" onClick={onClose}>
            Back to the fields
          </button>
        </p>
      </form>
    </Dialog>
  )
}
