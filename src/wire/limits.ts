// The bounds both ends of the wire agree on (docs/specs/wire.md, Limits). A peer that exceeds one is told so and cut off.

const KiB = 1024
const MiB = 1024 * KiB

export const protocolVersion = 1

/** Payload of any frame. */
export const framePayloadMost = 8 * MiB
/** Payload of a frame other than BATCH and STATUS, and of every frame before WELCOME. */
export const controlPayloadMost = 16 * KiB
export const statusPayloadMost = 1 * MiB
/** A columnar body once decompressed: checked against the declared length before a byte is allocated. */
export const bodyMost = 64 * MiB
/** What an encoder puts into one body: fits a frame even when nothing compresses. Larger batches are split. */
export const encodedBodyMost = 7 * MiB
/** Bounds what the defaults of missing columns can take. */
export const rowsMost = 65_536
export const columnsMost = 512
/** Batches sent and not yet acknowledged on one connection. */
export const inFlightMost = 16
