// The 16 bytes in front of every Dubbo message, and what its fields may be:
//
//   0 magic 0xdabb   2 flags, serialization   3 status of a response   4 id   12 length of the body

import { mayBeginWith, u16At, u32At } from "../framed/ByteReader.ts"

export const headerBytes = 16
const magic = 0xdabb
const magicBytes = [0xda, 0xbb]
/** The default limit of a body is 8 MiB; providers may set another one. */
const maxBody = 0x1000_0000

const Flag = { request: 0x80, twoWay: 0x40, event: 0x20 } as const
const serializationBits = 0x1f

/** org.apache.dubbo.common.serialize.Constants. */
export const Serialization = {
  hessian2: 2,
  java: 3,
  compactedJava: 4,
  fastJson: 6,
  nativeJava: 7,
  kryo: 8,
  fst: 9,
  nativeHessian: 10,
  avro: 11,
  protostuff: 12,
  gson: 16,
  jackson: 18,
  protobufJson: 21,
  protobuf: 22,
  fastJson2: 23,
  kryo2: 25,
  messagePack: 27,
  fury: 28,
  customMessagePack: 31,
} as const

const serializations: ReadonlySet<number> = new Set(Object.values(Serialization))

/** Ids are 64 bits and begin anywhere: their lowest 52 bits tell the calls of a connection apart. */
const idHighBits = 0xf_ffff

/** org.apache.dubbo.remoting.exchange.Response. */
export const Status = {
  ok: 20,
  clientTimeout: 30,
  serverTimeout: 31,
  channelInactive: 35,
  badRequest: 40,
  badResponse: 50,
  serviceNotFound: 60,
  serviceError: 70,
  serverError: 80,
  clientError: 90,
  exhausted: 100,
} as const

const statuses: ReadonlySet<number> = new Set(Object.values(Status))

export const isRequest = (bytes: Uint8Array, at: number): boolean => (bytes[at + 2] & Flag.request) !== 0
export const isTwoWay = (bytes: Uint8Array, at: number): boolean => (bytes[at + 2] & Flag.twoWay) !== 0
export const isEvent = (bytes: Uint8Array, at: number): boolean => (bytes[at + 2] & Flag.event) !== 0
export const serializationOf = (bytes: Uint8Array, at: number): number => bytes[at + 2] & serializationBits
export const idOf = (bytes: Uint8Array, at: number): number =>
  (u32At(bytes, at + 4) & idHighBits) * 2 ** 32 + u32At(bytes, at + 8)

/** Length of the message that begins at `at` with a whole header; -1 when it is none. */
export const messageLength = (bytes: Uint8Array, at: number): number => {
  if (u16At(bytes, at) !== magic || !serializations.has(serializationOf(bytes, at))) return -1
  if (isRequest(bytes, at) ? bytes[at + 3] !== 0 : !statuses.has(bytes[at + 3])) return -1
  const length = u32At(bytes, at + 12)
  return length <= maxBody ? headerBytes + length : -1
}

/** Whether bytes[at, end), fewer than a header, may begin one. */
export const mayBeHeader = (bytes: Uint8Array, at: number, end: number): boolean =>
  mayBeginWith(bytes, at, end, magicBytes)
