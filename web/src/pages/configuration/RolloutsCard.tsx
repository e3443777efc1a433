// Staged changes: how far each has come, whether it goes well, and the brakes. Nothing is drawn while there is none.

import type { CSSProperties } from "react"
import type { LayerRef, Rollout } from "../../api/adminContract.ts"
import { useRollouts } from "../../api/adminQueries.ts"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { formatExact } from "../../parts/format.ts"
import { layerText } from "./draft.ts"

const tones: Readonly<Record<string, string>> = {
  running: "mark-good",
  paused: "mark-warn",
  "rolled back": "mark-bad",
  aborted: "mark-bad",
}

const Controls = ({ rollout }: { readonly rollout: Rollout }) => {
  const name = layerText(rollout.layer)
  const control = (action: "pause" | "resume" | "abort") => ({
    call: "RolloutControl",
    payload: { layer: rollout.layer, action },
  })
  if (rollout.state !== "running" && rollout.state !== "paused") return null
  return (
    <p className="form-actions">
      {rollout.state === "running" ? (
        <ChangeButton name="Pause" about={name} change={control("pause")} />
      ) : (
        <ChangeButton name="Resume" about={name} change={control("resume")} />
      )}
      <ChangeButton
        name="Abort"
        about={name}
        change={control("abort")}
        confirm={`All agents go back to version ${rollout.from}.`}
      />
    </p>
  )
}

/** What its agents have now is what they had before. */
const isTakenBack = ({ state }: Rollout): boolean => state === "rolled back" || state === "aborted"

const Progress = ({ rollout }: { readonly rollout: Rollout }) => (
  <>
    <ol className="stages" aria-label="Stages">
      {rollout.stages.map((stage, at) => (
        <li
          key={`${at} ${stage}`}
          className={at < rollout.stage ? "is-done" : undefined}
          {...(at === rollout.stage ? { "aria-current": "step" as const } : {})}
        >
          {stage}
        </li>
      ))}
    </ol>
    {isTakenBack(rollout) ? null : (
      <>
        <span
          className="rollout-bar"
          style={{ "--value": rollout.wanted === 0 ? 0 : rollout.applied / rollout.wanted } as CSSProperties}
          aria-hidden="true"
        />
        <span>
          {formatExact(rollout.applied)} of {formatExact(rollout.wanted)} agents have it
          {rollout.troubled === 0 ? null : (
            <span className="tone-bad">, {formatExact(rollout.troubled)} in trouble</span>
          )}
        </span>
      </>
    )}
  </>
)

/** `isOf`: of which layers. */
export const RolloutsCard = ({ isOf }: { readonly isOf: (layer: LayerRef) => boolean }) => {
  const found = useRollouts().data?.filter(({ layer }) => isOf(layer)) ?? []
  if (found.length === 0) return null
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Roll-outs</h2>
      </div>
      <ul className="rollouts">
        {found.map((rollout) => (
          <li key={layerText(rollout.layer)}>
            <div className="rollout-head">
              <b>{layerText(rollout.layer)}</b>
              <span className="soft">
                {rollout.layer.layer === "packages" ? "change" : "version"} {rollout.from} → {rollout.to}
              </span>
              <span className={`mark ${tones[rollout.state] ?? ""}`}>{rollout.state}</span>
            </div>
            <div className="rollout-progress">
              <Progress rollout={rollout} />
            </div>
            {rollout.reason === "" ? null : <p className="soft">{rollout.reason}</p>}
            <Controls rollout={rollout} />
          </li>
        ))}
      </ul>
    </section>
  )
}
