// One field of a form: name, the control, what it is for, what is wrong with it.

import { cloneElement, type ReactElement, type ReactNode, useId } from "react"

interface ControlProps {
  readonly id?: string
  readonly "aria-describedby"?: string | undefined
  readonly "aria-invalid"?: boolean
}

interface FieldProps {
  readonly name: string
  readonly note?: ReactNode
  readonly problem?: string
  readonly children: ReactElement<ControlProps>
}

export const Field = ({ name, note, problem = "", children }: FieldProps) => {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      {cloneElement(children, {
        id,
        "aria-describedby": note === undefined && problem === "" ? undefined : `${id}-about`,
        "aria-invalid": problem !== "",
      })}
      {note === undefined && problem === "" ? null : (
        <p id={`${id}-about`} className={problem === "" ? "faint" : "field-error"}>
          {problem === "" ? note : problem}
        </p>
      )}
    </div>
  )
}
