// Values of settings as one types them, and what is wrong with them. Pure.

import type { SettingKey } from "./settingKeys.ts"

export type Read = { readonly value: unknown } | { readonly problem: string }

const parsed = (text: string): Read => {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return { problem: 'Expected JSON: a number, true, false, "text" or ["list"].' }
  }
}

const range = ({ minimum, maximum }: SettingKey): string => {
  if (minimum === undefined) return maximum === undefined ? "" : ` up to ${maximum}`
  return maximum === undefined ? ` from ${minimum}` : ` from ${minimum} to ${maximum}`
}

/** "an integer from 50 to 10000" */
export const expectedOf = (key: SettingKey): string => {
  if (key.choices !== undefined) return `one of ${key.choices.join(", ")}`
  switch (key.type) {
    case "integer":
      return `an integer${range(key)}`
    case "number":
      return `a number${range(key)}`
    case "boolean":
      return "true or false"
    case "array":
      return key.items === "any"
        ? "a JSON list"
        : `a list of ${key.items === "string" ? "texts" : `${key.items}s${range(key)}`}, with commas between`
    case "string":
      return "a text"
    case "any":
      return "JSON"
  }
}

const readNumber = (key: SettingKey, text: string, kind: "integer" | "number"): Read => {
  const value = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  const isFit =
    Number.isFinite(value) &&
    (kind === "number" || Number.isSafeInteger(value)) &&
    value >= (key.minimum ?? -Infinity) &&
    value <= (key.maximum ?? Infinity)
  return isFit ? { value } : { problem: `Expected ${expectedOf(key)}.` }
}

const readList = (key: SettingKey, text: string): Read => {
  if (text.startsWith("[") || key.items === "any") {
    const read = text === "" ? { value: [] } : parsed(text)
    return "value" in read && !Array.isArray(read.value) ? { problem: `Expected ${expectedOf(key)}.` } : read
  }
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
  if (key.items === "string") return { value: parts }
  const values: Array<unknown> = []
  for (const part of parts) {
    const read = readNumber(key, part, key.items)
    if ("problem" in read) return { problem: `Expected ${expectedOf(key)}; found ${part}.` }
    values.push(read.value)
  }
  return { value: values }
}

export const readValue = (key: SettingKey, text: string): Read => {
  const trimmed = text.trim()
  if (key.choices !== undefined)
    return key.choices.includes(text) ? { value: text } : { problem: `Expected ${expectedOf(key)}.` }
  switch (key.type) {
    case "string":
      return { value: text }
    case "boolean":
      return trimmed === "true" || trimmed === "false"
        ? { value: trimmed === "true" }
        : { problem: "Expected true or false." }
    case "integer":
    case "number":
      return readNumber(key, trimmed, key.type)
    case "array":
      return readList(key, trimmed)
    case "any":
      return parsed(trimmed)
  }
}

/** What one would type for a value; reading it gives the value again. */
export const textOf = (key: SettingKey, value: unknown): string => {
  if (key.type === "array" && key.items === "string" && Array.isArray(value)) {
    const isPlain = value.every(
      (item) => typeof item === "string" && /^[^,\s[][^,]*$/.test(item) && item === item.trim(),
    )
    return isPlain ? value.join(", ") : JSON.stringify(value)
  }
  if (key.type === "array" && Array.isArray(value) && value.every((item) => typeof item === "number"))
    return value.join(", ")
  if ((key.type === "string" || key.choices !== undefined) && typeof value === "string") return value
  return JSON.stringify(value) ?? ""
}

/** For people: what a value is. */
export const shownValue = (value: unknown): string =>
  value === undefined ? "not set" : value === "" ? "empty" : JSON.stringify(value)
