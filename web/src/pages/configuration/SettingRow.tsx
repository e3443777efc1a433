// One key of a layer: what it means, its value here or where its value comes from, and its field.

import { useId } from "react"
import type { SettingKey } from "./settingKeys.ts"
import { expectedOf, shownValue } from "./settingValue.ts"

export interface Inherited {
  readonly value: unknown
  /** "region"; empty: no layer below sets it. */
  readonly from: string
}

interface ControlProps {
  readonly id: string
  readonly about: string
  readonly settingKey: SettingKey
  readonly text: string
  readonly problem: string
  readonly onChange: (text: string) => void
}

const Control = ({ id, about, settingKey, text, problem, onChange }: ControlProps) => {
  const shared = {
    id,
    className: "input",
    "aria-describedby": about,
    "aria-invalid": problem !== "",
    value: text,
  }
  const choices = settingKey.choices ?? (settingKey.type === "boolean" ? ["true", "false"] : undefined)
  if (choices !== undefined) {
    return (
      <select {...shared} onChange={(event) => onChange(event.target.value)}>
        {choices.includes(text) ? null : <option value={text}>{text}</option>}
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    )
  }
  return (
    <input
      {...shared}
      className="input mono"
      type="text"
      inputMode={settingKey.type === "integer" ? "numeric" : undefined}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}

interface SettingRowProps {
  readonly settingKey: SettingKey
  /** Undefined: not set in this layer; null: it is to be taken out. */
  readonly text: string | null | undefined
  readonly inherited: Inherited
  readonly problem: string
  readonly isChanged: boolean
  readonly onChange: (text: string) => void
  readonly onUnset: () => void
  readonly onUndo: () => void
}

/** What stands between backticks is code. */
const Described = ({ text }: { readonly text: string }) =>
  text.split("`").map((part, at) => (at % 2 === 1 ? <code key={`${at} ${part}`}>{part}</code> : part))

const Source = ({ inherited: { from, value } }: { readonly inherited: Inherited }) => (
  <>
    <code>{shownValue(value)}</code>
    {from !== "" ? ` from ${from}` : value === undefined ? "" : ", the default"}
  </>
)

export const SettingRow = (props: SettingRowProps) => {
  const { settingKey, text, inherited, problem, isChanged, onChange, onUnset, onUndo } = props
  const id = useId()
  const { path, description, change } = settingKey
  const isSet = typeof text === "string"
  return (
    <li className={isChanged ? "setting is-changed" : "setting"}>
      <div className="setting-name">
        {isSet ? (
          <label htmlFor={id} className="mono">
            {path}
          </label>
        ) : (
          <span className="mono">{path}</span>
        )}
        {change === undefined ? null : (
          <span
            className={change === "hot" ? "mark mark-good" : "mark"}
            title={
              change === "hot"
                ? "A running agent takes it at once"
                : "A running agent starts what depends on it anew, within its process"
            }
          >
            {change}
          </span>
        )}
        {description === "" ? null : (
          <p className="faint">
            <Described text={description} />
          </p>
        )}
      </div>
      <div className="setting-value">
        {isSet ? (
          <>
            <Control
              id={id}
              about={`${id}-about`}
              settingKey={settingKey}
              text={text}
              problem={problem}
              onChange={onChange}
            />
            <p id={`${id}-about`} className={problem === "" ? "faint" : "field-error"}>
              {problem === "" ? (
                <>
                  {expectedOf(settingKey)}; without it <Source inherited={inherited} />
                </>
              ) : (
                problem
              )}
            </p>
          </>
        ) : (
          <p className="soft">
            {text === null ? "Is taken out: then " : ""}
            <Source inherited={inherited} />
          </p>
        )}
      </div>
      <div className="setting-action">
        {isSet ? (
          <button type="button" className="button" aria-label={`Unset ${path}`} onClick={onUnset}>
            Unset
          </button>
        ) : (
          <button
            type="button"
            className="button"
            aria-label={`${text === null ? "Undo" : "Set"} ${path}`}
            onClick={onUndo}
          >
            {text === null ? "Undo" : "Set"}
          </button>
        )}
      </div>
    </li>
  )
}
