// The first fields of a SofaRequest or SofaResponse in Hessian as SOFA writes it (the draft of Hessian 2 before 2.0): those that
// are texts or truth values, a map of texts, and class and text of what was thrown. Bounds: 64 fields, 64 entries of a map and
// of the maps in it.

import { ByteReader } from "../framed/ByteReader.ts"
import { javaTextEnd } from "../framed/javaText.ts"
import { utf8Text } from "../latin1.ts"

const maxFields = 64
const maxEntries = 64
const maxDepth = 4
/** Bytes of a text that are kept. */
const maxText = 1024

const Code = {
  false: 0x46,
  map: 0x4d,
  null: 0x4e,
  definition: 0x4f,
  text: 0x53,
  true: 0x54,
  object: 0x6f,
  textChunk: 0x73,
  type: 0x74,
  end: 0x7a,
} as const

const isTextCode = (code: number): boolean => code <= 0x1f || code === Code.text || code === Code.textChunk

export class SofaObject {
  /** Texts by the name of their field; those of maps by the name of their entry, joined with dots when maps are nested. */
  readonly texts = new Map<string, string>()
  isError = false
  thrownClass = ""
  thrownText = ""
  private readonly reader = new ByteReader()
  private fields: ReadonlyArray<string> = []
  private className = ""

  /** Reads bytes[start, end), of which the end may be cut off, until a field of another kind. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.texts.clear()
    this.isError = false
    this.thrownClass = this.thrownText = ""
    this.reader.reset(bytes, start, end)
    if (!this.readDefinition() || this.readThrown()) return
    for (const field of this.fields) {
      if (!this.readField(field)) return
    }
  }

  private readField(name: string): boolean {
    const { reader } = this
    const code = this.peek()
    if (isTextCode(code)) this.texts.set(name, this.readText())
    else if (code === Code.definition) {
      if (this.readDefinition()) this.readThrown()
      return false
    } else if (code === Code.map) return this.readMap("", 0)
    else if (code === Code.null || code === Code.true || code === Code.false) {
      if (name === "isError") this.isError = code === Code.true
      reader.skip(1)
    } else return false
    return !reader.isShort
  }

  /** Whether the object that begins here is an exception: it has a message and a stack. */
  private readThrown(): boolean {
    const { fields } = this
    const at = fields.indexOf("detailMessage")
    if (at < 0 || !fields.includes("stackTrace")) return false
    this.thrownClass = this.className
    // The message is behind fields that are not read, or at once.
    if (at === 0 && isTextCode(this.peek())) this.thrownText = this.readText()
    return true
  }

  /** Definition of a class (its name has a length of its own kind) and the beginning of its object. */
  private readDefinition(): boolean {
    const { reader } = this
    if (reader.u8() !== Code.definition) return false
    this.className = reader.text(this.readLength())
    const count = this.readLength()
    if (count < 0 || count > maxFields) return false
    const fields: Array<string> = []
    for (let i = 0; i < count && !reader.isShort; i++) fields.push(this.readText())
    this.fields = fields
    if (reader.u8() !== Code.object) return false
    this.readLength()
    return !reader.isShort
  }

  private readMap(prefix: string, depth: number): boolean {
    const { reader } = this
    reader.skip(1)
    if (this.peek() === Code.type) {
      reader.skip(1)
      reader.skip(reader.u16())
    }
    for (let i = 0; i < maxEntries && !reader.isShort; i++) {
      if (this.peek() === Code.end) {
        reader.skip(1)
        return true
      }
      if (!isTextCode(this.peek())) return false
      const name = prefix + this.readText()
      const code = this.peek()
      if (isTextCode(code)) this.texts.set(name, this.readText())
      else if (code === Code.null) reader.skip(1)
      else if (code !== Code.map || depth >= maxDepth || !this.readMap(`${name}.`, depth + 1)) return false
    }
    return false
  }

  /** An integer of one, two or three bytes; -1 for another value. */
  private readLength(): number {
    const { reader } = this
    const code = reader.u8()
    if (code >= 0x80 && code <= 0xbf) return code - 0x90
    if (code >= 0xc0 && code <= 0xcf) return ((code - 0xc8) << 8) + reader.u8()
    if (code >= 0xd0 && code <= 0xd7) return ((code - 0xd4) << 16) + reader.u16()
    return -1
  }

  private readText(): string {
    const { reader } = this
    let text = ""
    for (;;) {
      const code = reader.u8()
      if (!isTextCode(code)) return text
      const length = code <= 0x1f ? code : reader.u16()
      const from = reader.at
      const next = javaTextEnd(reader.bytes, from, reader.end, length)
      reader.skip(next < 0 ? -1 : next - from)
      if (reader.isShort) return ""
      if (text.length < maxText) text += utf8Text(reader.bytes, from, Math.min(next, from + maxText))
      if (code !== Code.textChunk) return text
    }
  }

  private peek(): number {
    const { reader } = this
    return reader.at < reader.end ? reader.bytes[reader.at] : -1
  }
}
