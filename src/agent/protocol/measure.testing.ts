// For benchmarks: CPU time of a message, for variants that run interleaved in one process; the minimum of the rounds counts.

export interface Variant {
  readonly name: string
  /** Handles `messages` messages. */
  readonly run: () => number
}

/** Prints nanoseconds of CPU per message of each variant and its ratio to the first. */
export const measure = (title: string, variants: ReadonlyArray<Variant>, rounds = 7): void => {
  const best = variants.map(() => Infinity)
  for (let round = 0; round < rounds; round++) {
    variants.forEach((variant, i) => {
      const before = process.cpuUsage()
      const messages = variant.run()
      const { user, system } = process.cpuUsage(before)
      best[i] = Math.min(best[i], ((user + system) * 1000) / messages)
    })
  }
  console.log(title)
  variants.forEach(({ name }, i) => {
    console.log(
      `  ${name.padEnd(28)} ${best[i].toFixed(0).padStart(6)} ns/message  ratio ${(best[i] / best[0]).toFixed(2)}`,
    )
  })
}
