// The numbers of stored rows (`_id`): the upper 32 bits are the second of storing.

/** In decimal, as answers carry them: 64 bits do not fit a JavaScript number. */
export const storedSecond = (id: string): number => Number(BigInt(id) >> 32n)

/** Rows that are stored from this second on have greater numbers, or this one. */
export const firstIdOf = (second: number): bigint => BigInt(second) << 32n
