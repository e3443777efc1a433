// Brings a package to a group in stages: a few agents first, then more, back by itself when they have trouble.

import { useState } from "react"
import type { PackageView } from "../../api/adminContract.ts"
import { useAdminChange } from "../../api/adminQueries.ts"
import { Dialog } from "../../parts/Dialog.tsx"
import { FormActions } from "../../parts/FormActions.tsx"
import { Field } from "../../parts/Field.tsx"
import { readStages } from "./draft.ts"

export const PackageRolloutForm = ({
  of,
  onClose,
}: {
  readonly of: PackageView
  readonly onClose: () => void
}) => {
  const { mutate, isPending, error } = useAdminChange()
  const [group, setGroup] = useState("default")
  const [stages, setStages] = useState("1, 10%, 50%")
  const read = readStages(stages)
  return (
    <Dialog title={`Roll out ${of.name} ${of.version}`} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          if ("problem" in read) return
          mutate(
            {
              call: "ConfigSet",
              payload: {
                layer: { layer: "packages", name: group.trim() },
                values: { [of.name]: of.version },
                comment: `${of.name} ${of.version}`,
                stages: read.stages,
              },
            },
            { onSuccess: onClose },
          )
        }}
      >
        <Field name="Group" note="Its agents that have another version get this one.">
          <input
            type="text"
            autoComplete="off"
            spellCheck={false}
            value={group}
            onChange={(event) => setGroup(event.target.value)}
          />
        </Field>
        <Field
          name="Stages"
          note={
            "problem" in read ? read.problem : "Agents, one stage after the other; the last is always all."
          }
        >
          <input
            type="text"
            autoComplete="off"
            spellCheck={false}
            value={stages}
            onChange={(event) => setStages(event.target.value)}
          />
        </Field>
        <FormActions
          error={error}
          name="Roll out"
          isDisabled={isPending || "problem" in read || group.trim() === ""}
          onClose={onClose}
        />
      </form>
    </Dialog>
  )
}
