// For tests: events of files and processes, and sums, as the kernel side writes them.

import { fileEvent, fileKey, fileOperation, fileSum, processEvent } from "../capture/layout.gen.ts"

export interface FileEventParts {
  readonly names: ReadonlyArray<string>
  readonly namesInMount?: number
  readonly isWhole?: boolean
  readonly crossedMount?: boolean
  readonly source?: string
  readonly fs?: string
  readonly inode?: number
  readonly tgid?: number
  readonly tid?: number
  readonly operation?: number
  readonly isSlow?: boolean
  readonly beginNs?: number
  readonly endNs?: number
  readonly bytes?: number
  readonly offset?: number
  readonly error?: number
  readonly comm?: string
}

const key = (view: DataView, at: number, inode: number, tgid: number, operation: number): void => {
  view.setBigUint64(at + fileKey.inode, BigInt(inode), true)
  view.setUint32(at + fileKey.device, 0xfe_00, true)
  view.setUint32(at + fileKey.tgid, tgid, true)
  view.setUint32(at + fileKey.operation, operation, true)
}

const put = (bytes: Uint8Array, at: number, text: string): void => bytes.set(Buffer.from(text), at)

export const fileEventBytes = (parts: FileEventParts): Uint8Array<ArrayBuffer> => {
  const names = Buffer.from(parts.names.map((name) => `${name}\0`).join(""))
  const bytes = new Uint8Array(fileEvent.size + names.length)
  const view = new DataView(bytes.buffer)
  const operation = parts.operation ?? fileOperation.read
  key(view, fileEvent.key, parts.inode ?? 1, parts.tgid ?? 100, operation)
  view.setUint32(fileEvent.tid, parts.tid ?? 101, true)
  view.setBigUint64(fileEvent.beginNs, BigInt(parts.beginNs ?? 1e9), true)
  view.setBigUint64(fileEvent.endNs, BigInt(parts.endNs ?? 1_003_000_000), true)
  view.setBigUint64(fileEvent.bytes, BigInt(parts.bytes ?? 0), true)
  view.setBigUint64(fileEvent.offset, BigInt(parts.offset ?? 0), true)
  view.setUint32(fileEvent.error, parts.error ?? 0, true)
  view.setUint16(fileEvent.mode, 0o100_644, true)
  bytes[fileEvent.operation] = operation
  bytes[fileEvent.isSlow] = parts.isSlow === false ? 0 : 1
  bytes[fileEvent.names] = parts.names.length
  bytes[fileEvent.namesInMount] = parts.namesInMount ?? parts.names.length
  bytes[fileEvent.isWhole] = parts.isWhole === false ? 0 : 1
  bytes[fileEvent.crossedMount] = parts.crossedMount === true ? 1 : 0
  put(bytes, fileEvent.comm, parts.comm ?? "writer")
  put(bytes, fileEvent.fs, parts.fs ?? "ext4")
  put(bytes, fileEvent.source, parts.source ?? "/dev/vda")
  bytes.set(names, fileEvent.size)
  return bytes
}

export interface SumParts {
  readonly inode?: number
  readonly tgid?: number
  readonly operation?: number
  readonly count: number
  readonly bytes?: number
  readonly waitNs?: number
  readonly longestNs?: number
}

/** Hands out the sums once, as the kernel's table does. */
export const sumsOf =
  (waiting: Array<SumParts>) =>
  (keys: Uint8Array, sums: Uint8Array): number => {
    const room = Math.min(keys.length / fileKey.size, sums.length / fileSum.size)
    const taken = waiting.splice(0, room)
    const keyView = new DataView(keys.buffer, keys.byteOffset)
    const sumView = new DataView(sums.buffer, sums.byteOffset)
    taken.forEach((sum, i) => {
      key(keyView, i * fileKey.size, sum.inode ?? 1, sum.tgid ?? 100, sum.operation ?? fileOperation.read)
      const at = i * fileSum.size
      sumView.setBigUint64(at + fileSum.count, BigInt(sum.count), true)
      sumView.setBigUint64(at + fileSum.bytes, BigInt(sum.bytes ?? 0), true)
      sumView.setBigUint64(at + fileSum.waitNs, BigInt(sum.waitNs ?? 0), true)
      sumView.setBigUint64(at + fileSum.longestNs, BigInt(sum.longestNs ?? 0), true)
    })
    return taken.length
  }

export interface ProcessEventParts {
  readonly tgid?: number
  readonly parent?: number
  readonly timeNs?: number
  readonly startNs?: number
  readonly comm?: string
  readonly status?: number
  readonly uid?: number
  readonly args?: ReadonlyArray<string>
}

export const processEventBytes = (parts: ProcessEventParts): Uint8Array<ArrayBuffer> => {
  const args = Buffer.from((parts.args ?? []).map((text) => `${text}\0`).join(""))
  const bytes = new Uint8Array(processEvent.size + args.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(processEvent.tgid, parts.tgid ?? 4_000_001, true)
  view.setUint32(processEvent.parentTgid, parts.parent ?? 4_000_000, true)
  view.setBigUint64(processEvent.timeNs, BigInt(parts.timeNs ?? 5e9), true)
  view.setBigUint64(processEvent.startNs, BigInt(parts.startNs ?? 4e9), true)
  view.setUint32(processEvent.exitStatus, parts.status ?? 0, true)
  view.setUint32(processEvent.uid, parts.uid ?? 1_000, true)
  put(bytes, processEvent.comm, parts.comm ?? "brief")
  bytes.set(args, processEvent.size)
  return bytes
}
