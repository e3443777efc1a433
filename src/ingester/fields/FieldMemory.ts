// Which attributes, and which of their values, requests had lately, and what of it the database does not know yet. Bounded in names,
// in values of a name and in both together; what there is no room for is counted. Of large batches only some rows are looked at,
// each of which stands for its neighbours: `rows` of a value are an estimate then.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { ownText } from "../ownText.ts"

export interface FieldLimits {
  /** Names that are offered. */
  readonly names: number
  /** A name with more values is one of ids or of times: no values of it are offered. */
  readonly valuesOfName: number
  /** Values remembered; those of the older half are forgotten together. */
  readonly values: number
  /** Characters of a name or value; longer ones are not offered. */
  readonly text: number
  /** Rows of a batch that are looked at. */
  readonly rowsOfBatch: number
  /** What is still seen is written again after so long. */
  readonly renewSeconds: number
  /** Names that were not seen for so long make room. */
  readonly keepSeconds: number
}

export const defaultFieldLimits: FieldLimits = {
  names: 4_096,
  valuesOfName: 1_024,
  values: 262_144,
  text: 256,
  rowsOfBatch: 256,
  renewSeconds: 1_800,
  keepSeconds: 30 * 86_400,
}

interface Seen {
  /** Since it was last written. */
  rows: number
  writtenSecond: number
  isDue: boolean
}

export interface Field extends Seen {
  readonly name: string
  seenSecond: number
  /** Different values; one that was forgotten and comes again counts again. */
  values: number
  /** It has too many values. */
  isWide: boolean
  young: Map<string, FieldValue>
  old: Map<string, FieldValue>
}

export interface FieldValue extends Seen {
  readonly field: Field
  readonly text: string
}

/** What is to be written, with the rows that it stands for. */
export interface DueFields {
  readonly fields: ReadonlyArray<Field>
  readonly values: ReadonlyArray<{ readonly value: FieldValue; readonly rows: number }>
}

const noValues = (): Map<string, FieldValue> => new Map()

export class FieldMemory {
  readonly leftOut = { names: 0, values: 0 }
  readonly #limits: FieldLimits
  readonly #fields = new Map<string, Field>()
  #dueFields: Array<Field> = []
  #dueValues: Array<FieldValue> = []
  /** Values of the younger half. */
  #young = 0
  /** Rows looked at begin elsewhere each time. */
  #turn = 0

  constructor(limits: FieldLimits = defaultFieldLimits) {
    this.#limits = limits
  }

  /** A name that is stored already, and how many values of it. */
  load(name: string, values: number, seenSecond: number): void {
    const field = this.#fields.get(name) ?? this.#add(name, seenSecond)
    if (field !== undefined && values >= this.#limits.valuesOfName) this.#widen(field)
  }

  see({ columns, rows }: ColumnBatch<"l7"> | ColumnBatch<"span">, nowSecond: number): void {
    const { attribute_names: names, attribute_values: values } = columns
    const step = Math.max(1, Math.ceil(rows / this.#limits.rowsOfBatch))
    for (let row = this.#turn++ % step; row < rows; row += step) {
      const ownNames = names[row]!
      for (let at = 0; at < ownNames.length; at++)
        this.#attribute(ownNames[at]!, values[row]![at]!, step, nowSecond)
    }
  }

  #attribute(name: string, text: string, rows: number, nowSecond: number): void {
    const field = this.#fields.get(name) ?? this.#add(name, nowSecond)
    if (field === undefined) {
      this.leftOut.names += rows
      return
    }
    field.seenSecond = nowSecond
    this.#count(field, rows, nowSecond, this.#dueFields)
    if (text === "") return
    const value = field.isWide ? undefined : this.#value(field, text)
    if (value === undefined) this.leftOut.values += rows
    else this.#count(value, rows, nowSecond, this.#dueValues)
  }

  #count<One extends Seen>(one: One, rows: number, nowSecond: number, due: Array<One>): void {
    one.rows += rows
    if (one.isDue || nowSecond < one.writtenSecond + this.#limits.renewSeconds) return
    if (due.length >= this.#limits.values) return
    one.isDue = true
    due.push(one)
  }

  #add(name: string, nowSecond: number): Field | undefined {
    if (name === "" || name.length > this.#limits.text) return undefined
    if (this.#fields.size >= this.#limits.names) return undefined
    const field: Field = {
      name: ownText(name),
      seenSecond: nowSecond,
      rows: 0,
      writtenSecond: Number.NEGATIVE_INFINITY,
      isDue: false,
      values: 0,
      isWide: false,
      young: noValues(),
      old: noValues(),
    }
    this.#fields.set(field.name, field)
    return field
  }

  #value(field: Field, text: string): FieldValue | undefined {
    const young = field.young.get(text)
    if (young !== undefined) return young
    if (text.length > this.#limits.text) return undefined
    if (this.#young >= this.#limits.values / 2) this.#forgetOlder()
    let value = field.old.get(text)
    if (value === undefined) {
      if (++field.values > this.#limits.valuesOfName) {
        this.#widen(field)
        return undefined
      }
      value = {
        field,
        text: ownText(text),
        rows: 0,
        writtenSecond: Number.NEGATIVE_INFINITY,
        isDue: false,
      }
    }
    field.young.set(value.text, value)
    this.#young++
    return value
  }

  #forgetOlder(): void {
    for (const field of this.#fields.values()) {
      field.old = field.young
      field.young = noValues()
    }
    this.#young = 0
  }

  #widen(field: Field): void {
    this.#young -= field.young.size
    field.isWide = true
    field.young = noValues()
    field.old = noValues()
  }

  /** Takes at most so many of each that are to be written now; they count as written. */
  take(most: number, nowSecond: number): DueFields {
    const fields = this.#dueFields.splice(0, most)
    const values = this.#dueValues.splice(0, most).filter(({ field }) => !field.isWide)
    for (const one of [...fields, ...values]) {
      one.isDue = false
      one.writtenSecond = nowSecond
    }
    for (const field of fields) field.rows = 0
    return {
      fields,
      values: values.map((value) => {
        const { rows } = value
        value.rows = 0
        return { value, rows }
      }),
    }
  }

  /** They could not be written. */
  giveBack({ fields, values }: DueFields): void {
    for (const one of [...fields, ...values.map(({ value }) => value)])
      one.writtenSecond = Number.NEGATIVE_INFINITY
    for (const field of fields) this.#count(field, 0, 0, this.#dueFields)
    for (const { rows, value } of values) this.#count(value, rows, 0, this.#dueValues)
  }

  /** Names that the database has let go of by now. */
  forget(nowSecond: number): void {
    for (const field of this.#fields.values()) {
      if (field.seenSecond >= nowSecond - this.#limits.keepSeconds) continue
      this.#widen(field)
      this.#fields.delete(field.name)
    }
  }

  get names(): number {
    return this.#fields.size
  }
}
