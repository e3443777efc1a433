// Where Sonde deliberately prints something else than DeepFlow's expectation, each with its reason. Anything else is a failure;
// an entry that is not needed any more is one too.

export interface Difference {
  readonly file: string
  /** Number `i` of the expected lines. */
  readonly lines: ReadonlyArray<number>
  /** The key that differs and our value, or nothing when the whole line is not printed. */
  readonly key?: string
  readonly ours?: unknown
  readonly reason: string
}

export const differences: ReadonlyArray<Difference> = [
  {
    file: "redis/redis",
    lines: [20, 21, 22, 23, 24, 25, 26, 27],
    reason:
      "Segments 2 to 9 of one bulk string of 490,493 bytes: we reassemble, so they belong to the response of line 19 and " +
      "are no responses of their own.",
  },
]

/** Cases that are not run, with the reason. */
export const notYet: Record<string, string> = {
  "http/grpc-service-name": "HTTP/2: not yet",
  "http/grpc-unknown": "HTTP/2: not yet",
  "http/http2-multi": "HTTP/2: not yet",
}
