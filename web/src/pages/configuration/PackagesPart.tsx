// Packages of agents and plugins, and which groups use them. They are signed and added where they are built, by the command.

import { useState } from "react"
import type { PackageView } from "../../api/adminContract.ts"
import { useAdminChange, usePackages } from "../../api/adminQueries.ts"
import { Answer } from "../../parts/Answer.tsx"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { Dialog } from "../../parts/Dialog.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { FormActions } from "../../parts/FormActions.tsx"
import { Field } from "../../parts/Field.tsx"
import { formatBytes, formatMoment } from "../../parts/format.ts"
import { WideTable } from "../../parts/WideTable.tsx"
import { PackageRolloutForm } from "./PackageRolloutForm.tsx"
import { RolloutsCard } from "./RolloutsCard.tsx"
import { readWords } from "./words.ts"

const AssignForm = ({ of, onClose }: { readonly of: PackageView; readonly onClose: () => void }) => {
  const { mutate, isPending, error } = useAdminChange()
  const [groups, setGroups] = useState(of.groups.join(", "))
  return (
    <Dialog title={`Who uses ${of.name} ${of.version}`} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          mutate(
            {
              call: "PackageAssign",
              payload: { name: of.name, version: of.version, groups: readWords(groups) },
            },
            { onSuccess: onClose },
          )
        }}
      >
        <Field name="Groups" note="With commas between; empty: nobody uses it.">
          <input
            type="text"
            autoComplete="off"
            spellCheck={false}
            value={groups}
            onChange={(event) => setGroups(event.target.value)}
          />
        </Field>
        <FormActions error={error} name="Save" isDisabled={isPending} onClose={onClose} />
      </form>
    </Dialog>
  )
}

interface PackageRowProps {
  readonly of: PackageView
  readonly onAssign: () => void
  readonly onRollout: () => void
}

const PackageRow = ({ of, onAssign, onRollout }: PackageRowProps) => (
  <tr>
    <td>
      <b>{of.name}</b> <span className="soft">{of.version}</span>
      <div className="faint">{of.kind}</div>
    </td>
    <td>{of.groups.length === 0 ? <span className="faint">nobody</span> : of.groups.join(", ")}</td>
    <td className="number">{formatBytes(of.bytes)}</td>
    <td className="soft">
      {formatMoment(of.addedMs * 1_000).slice(0, -7)}
      <div className="faint">by {of.addedBy}</div>
    </td>
    <td className="mono soft" title={`SHA-256 ${of.digest}; signed by ${of.signer}`}>
      {of.digest.slice(0, 12)}
    </td>
    <td className="row-actions">
      <button
        type="button"
        className="button"
        aria-label={`Roll out ${of.name} ${of.version}`}
        onClick={onRollout}
      >
        Roll out
      </button>
      <button
        type="button"
        className="button"
        aria-label={`Groups of ${of.name} ${of.version}`}
        onClick={onAssign}
      >
        Groups
      </button>
      <ChangeButton
        name="Remove"
        about={`${of.name} ${of.version}`}
        change={{ call: "PackageRemove", payload: { name: of.name, version: of.version } }}
        confirm="It has to be signed and added again to be used."
      />
    </td>
  </tr>
)

export const PackagesPart = () => {
  const packages = usePackages()
  const [assigned, setAssigned] = useState<PackageView | undefined>()
  const [rolledOut, setRolledOut] = useState<PackageView | undefined>()
  return (
    <>
      <RolloutsCard isOf={({ layer }) => layer === "packages"} />
      <section className="card admin-card">
        <div className="section-head">
          <h2>Packages</h2>
        </div>
        <Answer query={packages} what="packages">
          {(all) =>
            all.length === 0 ? (
              <EmptyState
                isSmall
                title="There are no packages"
                text={
                  <>
                    A package is signed where it is built: <code>sonde admin packages key FILE</code> makes a
                    key, <code>sonde admin packages add FILE --version V --key KEYFILE</code> signs and stores
                    one.
                  </>
                }
              />
            ) : (
              <WideTable
                name="Packages"
                columns={["Package", "Groups", { number: "Size" }, "Added", "Digest", { hidden: "Change" }]}
              >
                {all.map((each) => (
                  <PackageRow
                    key={`${each.name} ${each.version}`}
                    of={each}
                    onAssign={() => setAssigned(each)}
                    onRollout={() => setRolledOut(each)}
                  />
                ))}
              </WideTable>
            )
          }
        </Answer>
        {assigned === undefined ? null : <AssignForm of={assigned} onClose={() => setAssigned(undefined)} />}
        {rolledOut === undefined ? null : (
          <PackageRolloutForm of={rolledOut} onClose={() => setRolledOut(undefined)} />
        )}
      </section>
    </>
  )
}
