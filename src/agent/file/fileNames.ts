// What the kernel side tells of a file's place, as texts: names from the file up to the root of its mount namespace.

import { FileType } from "../../model/events.ts"
import { fileEvent } from "../capture/layout.gen.ts"

export interface FilePlace {
  /** Empty: not known. Begins with "…" where names at the root's end are missing. */
  readonly dir: string
  readonly name: string
  readonly mountPoint: string
  readonly mountSource: string
  /** `FileType`. */
  readonly type: number
  readonly mode: number
}

export const unknownPlace: FilePlace = {
  dir: "",
  name: "",
  mountPoint: "",
  mountSource: "",
  type: 0,
  mode: 0,
}

/** Kinds of file systems whose files are on other hosts. */
const networkKinds =
  /^(nfs|nfs4|cifs|smb3|ceph|9p|afs|gfs2|ocfs2|lustre|glusterfs|beegfs|fuse\.(sshfs|glusterfs|s3fs|rclone|juicefs|ceph.*))$/
/** Kinds without a device behind them. */
const virtualKinds =
  /^(proc|sysfs|cgroup2?|debugfs|tracefs|securityfs|bpf|configfs|devpts|devtmpfs|ramfs|tmpfs)$/

export const fileTypeOf = (fileSystem: string): number => {
  if (networkKinds.test(fileSystem)) return FileType.network
  return virtualKinds.test(fileSystem) ? FileType.virtual : FileType.regular
}

const decoder = new TextDecoder()

/** The text up to the first NUL of a field. */
export const fieldText = (bytes: Uint8Array, at: number, length: number): string => {
  let end = at
  while (end < at + length && bytes[end] !== 0) end++
  return decoder.decode(bytes.subarray(at, end))
}

/** Texts that each end with NUL; what follows the last NUL is no text. */
export const nulTexts = (bytes: Uint8Array, from: number, to: number): Array<string> => {
  const texts: Array<string> = []
  let start = from
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0) continue
    texts.push(decoder.decode(bytes.subarray(start, at)))
    start = at + 1
  }
  return texts
}

const pathOf = (names: ReadonlyArray<string>, isWhole: boolean): string =>
  `${isWhole ? "" : "…"}/${names.toReversed().join("/")}`

/** `at`, `size`: of an event in the ring. */
export const readPlace = (bytes: Uint8Array, view: DataView, at: number, size: number): FilePlace => {
  const isWhole = bytes[at + fileEvent.isWhole] === 1
  const names = nulTexts(bytes, at + fileEvent.size, at + size).slice(0, bytes[at + fileEvent.names])
  const inMount = Math.min(bytes[at + fileEvent.namesInMount]!, names.length)
  // The root of its mount is not among the names when these end before.
  const isMountKnown = isWhole || bytes[at + fileEvent.crossedMount] === 1
  return {
    dir: names.length === 0 ? "" : pathOf(names.slice(1), isWhole),
    name: names[0] ?? "",
    mountPoint: isMountKnown ? pathOf(names.slice(inMount), isWhole) : "",
    mountSource: fieldText(bytes, at + fileEvent.source, 64),
    type: fileTypeOf(fieldText(bytes, at + fileEvent.fs, 16)),
    mode: view.getUint16(at + fileEvent.mode, true),
  }
}
