// Changes one layer: a field for every key of the server's schema, or plain keys and values where the schema has nothing.

import { useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import type { ConfigVersion, LayerRef } from "../../api/adminContract.ts"
import { layerKey } from "../../api/adminQueries.ts"
import { formatMoment } from "../../parts/format.ts"
import { changeCount, type Draft, examine, layerText } from "./draft.ts"
import { NewKey } from "./NewKey.tsx"
import { SaveDialog } from "./SaveDialog.tsx"
import { type SettingKey, unknownKey } from "./settingKeys.ts"
import { type Inherited, SettingRow } from "./SettingRow.tsx"
import { textOf } from "./settingValue.ts"

interface LayerEditorProps {
  readonly layer: LayerRef
  readonly newest: ConfigVersion
  readonly keys: ReadonlyArray<SettingKey>
  /** Where a key's value comes from when this layer does not set it. */
  readonly inheritedOf: (key: SettingKey) => Inherited
}

const without = (draft: Draft, path: string): Draft =>
  Object.fromEntries(Object.entries(draft).filter(([key]) => key !== path))

export const LayerEditor = ({ layer, newest, keys, inheritedOf }: LayerEditorProps) => {
  const client = useQueryClient()
  const [draft, setDraft] = useState<Draft>({})
  const [base, setBase] = useState(newest)
  const [isSaving, setSaving] = useState(false)
  // What is written stays made from the version it was begun from.
  if (Object.keys(draft).length === 0 && base !== newest) setBase(newest)

  const keyOf = (path: string) => keys.find((key) => key.path === path) ?? unknownKey(path)
  const others = [...new Set([...Object.keys(base.values), ...Object.keys(draft)])].filter(
    (path) => !keys.some((key) => key.path === path),
  )
  const { differences, problems } = examine(draft, base.values, keyOf)
  const changedPaths = new Set([...differences.map(({ path }) => path), ...Object.keys(problems)])
  const problemCount = Object.keys(problems).length

  const textAt = (key: SettingKey): string | null | undefined => {
    if (Object.hasOwn(draft, key.path)) return draft[key.path]
    return Object.hasOwn(base.values, key.path) ? textOf(key, base.values[key.path]) : undefined
  }
  const set = (path: string, text: string | null) => setDraft({ ...draft, [path]: text })
  const rowOf = (key: SettingKey) => {
    const inherited = inheritedOf(key)
    return (
      <SettingRow
        key={key.path}
        settingKey={key}
        text={textAt(key)}
        inherited={inherited}
        problem={problems[key.path] ?? ""}
        isChanged={changedPaths.has(key.path)}
        onChange={(text) => set(key.path, text)}
        onUnset={() =>
          Object.hasOwn(base.values, key.path) ? set(key.path, null) : setDraft(without(draft, key.path))
        }
        onUndo={() =>
          draft[key.path] === null
            ? setDraft(without(draft, key.path))
            : set(key.path, inherited.value === undefined ? "" : textOf(key, inherited.value))
        }
      />
    )
  }
  return (
    <section className="card admin-card layer-editor">
      <div className="section-head">
        <h2>{layerText(layer)}</h2>
        <span className="faint">
          {base.version === 0
            ? "never changed"
            : `version ${base.version} by ${base.author}, ${formatMoment(base.changedMs * 1_000).slice(0, -7)}`}
        </span>
      </div>
      <ul className="setting-list">
        {keys.map(rowOf)}
        {others.map((path) => rowOf(unknownKey(path)))}
      </ul>
      {keys.length === 0 ? <NewKey taken={new Set(others)} onAdd={(path) => set(path, "")} /> : null}
      {changedPaths.size === 0 ? null : (
        <div className="save-bar">
          <b>{changeCount(changedPaths.size)}</b>
          {problemCount === 0 ? null : (
            <span className="field-error" role="status">
              {problemCount === 1 ? "one is not right yet" : `${problemCount} are not right yet`}
            </span>
          )}
          <button
            type="button"
            className="button primary"
            disabled={problemCount > 0}
            onClick={() => setSaving(true)}
          >
            Review and save
          </button>
          <button type="button" className="button" onClick={() => setDraft({})}>
            Discard
          </button>
        </div>
      )}
      {isSaving ? (
        <SaveDialog
          layer={layer}
          base={base}
          newest={newest}
          differences={differences}
          restarts={differences.map(({ path }) => path).filter((path) => keyOf(path).change === "restart")}
          onRebase={() => setBase(newest)}
          onSaved={(version) => {
            client.setQueryData(layerKey(layer), version)
            setDraft({})
            setSaving(false)
          }}
          onClose={() => setSaving(false)}
        />
      ) : null}
    </section>
  )
}
