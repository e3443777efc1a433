// Walks the members of a JSON object, and of objects in it as if they were its own. Text that is cut off ends the walk; nothing
// throws. Values are texts or numbers; arrays are passed over.

const maxDepth = 8
const quote = 34
const backslash = 92

/** Position behind the string that begins at `at`; -1 when it does not end. */
const stringEnd = (text: string, at: number): number => {
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === backslash) i++
    else if (c === quote) return i + 1
  }
  return -1
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" }

const unescape = (text: string): string =>
  text.includes("\\")
    ? text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, c: string) =>
        hex === undefined ? (escapes[c] ?? c) : String.fromCharCode(Number.parseInt(hex, 16)),
      )
    : text

/** Calls `field` with each member's name and value as text. */
export const walkFields = (text: string, field: (name: string, value: string) => void): void => {
  let depth = 0
  let arrays = 0
  let name = ""
  for (let at = 0; at < text.length;) {
    const c = text[at]
    if (c === "{") {
      if (++depth > maxDepth) return
      name = ""
      at++
    } else if (c === "[") {
      arrays++
      at++
    } else if (c === "]") {
      arrays--
      at++
    } else if (c === "}") {
      if (--depth === 0) return
      name = ""
      at++
    } else if (c === '"') {
      const end = stringEnd(text, at)
      if (end < 0) return
      const value = text.slice(at + 1, end - 1)
      let next = end
      while (next < text.length && text.charCodeAt(next) <= 32) next++
      if (text[next] === ":" && arrays === 0) {
        name = unescape(value)
        at = next + 1
      } else {
        if (name !== "" && arrays === 0) field(name, unescape(value))
        name = ""
        at = end
      }
    } else if (c === "," || c === ":" || c.charCodeAt(0) <= 32) at++
    else {
      let end = at + 1
      while (end < text.length && !",}] \t\r\n".includes(text[end])) end++
      // A number at the end of what is at hand may go on.
      if (end === text.length) return
      if (name !== "" && arrays === 0) field(name, text.slice(at, end))
      name = ""
      at = end
    }
  }
}
