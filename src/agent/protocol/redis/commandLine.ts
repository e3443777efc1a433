// Writes a Redis command as one line of at most 256 bytes: names of things stay, values become `?`.

import { latin1Text, utf8Text } from "../latin1.ts"
import { type CommandRule, ruleOf } from "./commands.ts"
import type { RespReader } from "./RespReader.ts"

const maxLine = 256
const space = 32
const question = 63
const del = 127

/** Positions of the keys of a command whose arguments say where they are. */
const countedKeys = (reader: RespReader, at: number): number => {
  if (at >= reader.texts) return 0
  let count = 0
  for (let i = reader.textStart(at); i < reader.ends[at]; i++) count = count * 10 + reader.arena[i] - 48
  return count >= 0 && count < 1024 ? count : 0
}

const isStreamsWord = (reader: RespReader, index: number): boolean =>
  reader.ends[index] - reader.textStart(index) === 7 &&
  latin1Text(reader.arena, reader.textStart(index), reader.ends[index]).toUpperCase() === "STREAMS"

interface KnownCommand {
  readonly command: string
  readonly rule: CommandRule
}

/** Names of commands that are remembered; a client that invents more starts it over. */
const maxKnown = 1024

const upper = (c: number): number => (c >= 97 && c <= 122 ? c - 32 : c)

export class CommandLine {
  /** The command in upper case, after `read`. */
  command = ""
  /** Its line, after `read`. */
  line = ""
  private readonly out = new Uint8Array(maxLine)
  private length = 0
  private isAscii = true
  private readonly known = new Map<number, KnownCommand>()
  private keysFrom = 0
  private keysTo = -1
  private readonly masksLiterals: boolean

  constructor(masksLiterals: boolean) {
    this.masksLiterals = masksLiterals
  }

  /** Reads a command of which `reader` kept the first arguments; `count` is how many there are. */
  read(reader: RespReader, count: number): void {
    const known = this.knownCommand(reader.arena, reader.ends[0])
    this.command = known.command
    const commandRule = known.rule
    const masks = this.masksLiterals || commandRule.isSecret
    this.length = 0
    this.isAscii = true
    this.findKeys(reader, commandRule, count)
    const shown = Math.min(count, reader.texts + 1)
    for (let i = 0; i < shown && this.length < maxLine; i++) {
      if (i > 0) this.put(space)
      if (i < reader.texts && (i === 0 || !masks || this.isNamed(commandRule, i, count)))
        this.putText(reader.arena, reader.textStart(i), reader.ends[i])
      else this.put(question)
    }
    this.line = this.isAscii ? latin1Text(this.out, 0, this.length) : utf8Text(this.out, 0, this.length)
  }

  /** The command that arena[0, length) names, by the hash of its bytes: no text is made of a name that was seen before. */
  private knownCommand(arena: Uint8Array, length: number): KnownCommand {
    let hash = length
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + upper(arena[i])) | 0
    const known = this.known.get(hash)
    if (known !== undefined && known.command.length === length) {
      let i = 0
      while (i < length && known.command.charCodeAt(i) === upper(arena[i])) i++
      if (i === length) return known
    }
    const command = latin1Text(arena, 0, length).toUpperCase()
    const added = { command, rule: ruleOf(command) }
    if (this.known.size >= maxKnown) this.known.clear()
    this.known.set(hash, added)
    return added
  }

  /** Where the keys stand whose number or place the arguments themselves say. */
  private findKeys(reader: RespReader, commandRule: CommandRule, count: number): void {
    this.keysFrom = 0
    this.keysTo = -1
    if (commandRule.keyCountAt > 0) {
      this.keysFrom = commandRule.keyCountAt
      this.keysTo = this.keysFrom + countedKeys(reader, this.keysFrom)
    } else if (commandRule.hasStreams) {
      for (let i = 1; i < reader.texts; i++) {
        if (!isStreamsWord(reader, i)) continue
        this.keysFrom = i
        this.keysTo = i + ((count - i - 1) >> 1)
        return
      }
    }
  }

  private isNamed(commandRule: CommandRule, index: number, count: number): boolean {
    if (index >= this.keysFrom && index <= this.keysTo) return true
    const last = commandRule.last < 0 ? count + commandRule.last : commandRule.last
    const { first, step } = commandRule
    return first > 0 && index >= first && index <= last && (index - first) % step === 0
  }

  private putText(arena: Uint8Array, start: number, end: number): void {
    const { length, out } = this
    const stop = Math.min(end, start + maxLine - length)
    let all = 0
    let to = length
    for (let at = start; at < stop; at++) {
      const c = arena[at]
      all |= c
      // A line is one line: control characters of binary keys become spaces.
      out[to++] = c < space || c === del ? space : c
    }
    this.length = to
    if (all >= 128) this.isAscii = false
  }

  private put(c: number): void {
    if (this.length < maxLine) this.out[this.length++] = c
  }
}
