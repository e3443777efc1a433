// Chooses the time range: a few that end now, or any two moments.

import { useState } from "react"
import { Icon } from "../parts/Icon.tsx"
import { Popover } from "../parts/Popover.tsx"
import { useNowMs } from "./clock.ts"
import { describeRange, presets, type TimeRange } from "./timeRange.ts"
import { setRange } from "./useTimeScope.ts"

/** Value of a `datetime-local` field, which is in the reader's time zone and has none itself. */
const fieldValue = (us: number): string => {
  const at = new Date(us / 1_000)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

const fieldUs = (value: string): number => new Date(value).getTime() * 1_000

const CustomRange = ({ range, onDone }: { readonly range: TimeRange; readonly onDone: () => void }) => {
  const nowUs = useNowMs() * 1_000
  const [initial] = useState(() =>
    range.kind === "absolute" ? range : { fromUs: nowUs - range.seconds * 1e6, toUs: nowUs },
  )
  const [from, setFrom] = useState(fieldValue(initial.fromUs))
  const [to, setTo] = useState(fieldValue(initial.toUs))
  const isUsable = fieldUs(from) < fieldUs(to)
  return (
    <form
      className="custom-range"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isUsable) return
        setRange({ kind: "absolute", fromUs: fieldUs(from), toUs: fieldUs(to) })
        onDone()
      }}
    >
      <label>
        <span>From</span>
        <input
          type="datetime-local"
          step="1"
          value={from}
          onChange={(event) => setFrom(event.target.value)}
        />
      </label>
      <label>
        <span>To</span>
        <input type="datetime-local" step="1" value={to} onChange={(event) => setTo(event.target.value)} />
      </label>
      {isUsable ? null : (
        <p className="field-error" role="alert">
          “From” must be before “To”.
        </p>
      )}
      <button type="submit" className="button primary" disabled={!isUsable}>
        Show this range
      </button>
    </form>
  )
}

export const TimePicker = ({ range }: { readonly range: TimeRange }) => (
  <Popover
    label={
      <>
        <Icon name="clock" />
        <span className="time-label">{describeRange(range)}</span>
        <Icon name="down" />
      </>
    }
    name="Time range"
  >
    {(close) => (
      <div className="time-picker">
        <div className="presets" role="group" aria-label="Ranges that end now">
          {presets.map((preset) => (
            <button
              key={preset.seconds}
              type="button"
              aria-pressed={range.kind === "last" && range.seconds === preset.seconds}
              onClick={() => {
                setRange({ kind: "last", seconds: preset.seconds })
                close()
              }}
            >
              <span>{preset.long}</span>
              <span className="faint">{preset.short}</span>
            </button>
          ))}
        </div>
        <CustomRange range={range} onDone={close} />
      </div>
    )}
  </Popover>
)
