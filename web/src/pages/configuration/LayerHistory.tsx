// Every version of a layer, newest first: who, when, why, what changed, and the way back.

import { useState } from "react"
import type { ConfigVersion, LayerRef } from "../../api/adminContract.ts"
import { useHistory } from "../../api/adminQueries.ts"
import { useNowMs } from "../../app/clock.ts"
import { Answer } from "../../parts/Answer.tsx"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { formatAgo, formatMoment } from "../../parts/format.ts"
import { DiffList } from "./DiffList.tsx"
import { differencesOf, layerText } from "./draft.ts"

/** Versions drawn at first, and more at each press. */
const step = 10

interface VersionProps {
  readonly layer: LayerRef
  readonly version: ConfigVersion
  readonly before: ConfigVersion | undefined
  readonly isNewest: boolean
  readonly nowMs: number
}

const Version = ({ layer, version, before, isNewest, nowMs }: VersionProps) => {
  const differences = differencesOf(before?.values ?? {}, version.values)
  const atUs = version.changedMs * 1_000
  return (
    <li className="version">
      <div className="version-head">
        <b>Version {version.version}</b>
        <span className="soft" title={formatMoment(atUs)}>
          {version.author}, {formatAgo(atUs, nowMs)}
        </span>
        {isNewest ? (
          <span className="mark mark-good">newest</span>
        ) : (
          <ChangeButton
            name="Roll back"
            about={`to version ${version.version}`}
            change={{
              call: "ConfigRollback",
              payload: { layer, version: version.version, comment: `back to version ${version.version}` },
            }}
            confirm={`A new version of ${layerText(layer)} will say what version ${version.version} said, for all agents at once.`}
          />
        )}
      </div>
      {version.comment === "" ? null : <p>{version.comment}</p>}
      {differences.length === 0 ? (
        <p className="faint">says the same as the version before</p>
      ) : (
        <DiffList differences={differences} />
      )}
    </li>
  )
}

export const LayerHistory = ({ layer }: { readonly layer: LayerRef }) => {
  const history = useHistory(layer)
  const [count, setCount] = useState(step)
  const nowMs = useNowMs()
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>History</h2>
      </div>
      <Answer query={history} what="the history">
        {(versions) =>
          versions.length === 0 ? (
            <p className="soft">This layer was never changed.</p>
          ) : (
            <>
              <ol className="versions">
                {versions.slice(0, count).map((version, at) => (
                  <Version
                    key={version.version}
                    layer={layer}
                    version={version}
                    before={versions[at + 1]}
                    isNewest={at === 0}
                    nowMs={nowMs}
                  />
                ))}
              </ol>
              {versions.length > count ? (
                <button type="button" className="button more" onClick={() => setCount(count + step)}>
                  Show older versions ({versions.length - count})
                </button>
              ) : null}
            </>
          )
        }
      </Answer>
    </section>
  )
}
