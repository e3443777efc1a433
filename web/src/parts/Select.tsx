// A choice among a few, with its name in front.

interface SelectProps {
  readonly name: string
  readonly value: string
  readonly choices: ReadonlyArray<readonly [value: string, text: string]>
  readonly onChange: (value: string) => void
}

export const Select = ({ name, value, choices, onChange }: SelectProps) => (
  <label className={value === "" ? "select" : "select select-set"}>
    <span>{name}</span>
    <select value={value} onChange={(event) => onChange(event.target.value)}>
      {choices.map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  </label>
)
