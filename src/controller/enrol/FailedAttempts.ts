// Wrong tokens by address, of the last minute: guessing is hopeless (32 random bytes), but costs the store a look each time.

const most = 100
const windowMs = 60_000
const addressesMost = 4_096

export class FailedAttempts {
  readonly #of = new Map<string, { sinceMs: number; count: number }>()

  note(remote: string, nowMs: number): void {
    const host = hostOf(remote)
    const known = this.#of.get(host)
    if (known !== undefined && nowMs - known.sinceMs < windowMs) {
      known.count++
      return
    }
    this.#of.delete(host)
    // The oldest gives way.
    if (this.#of.size >= addressesMost) this.#of.delete(this.#of.keys().next().value ?? "")
    this.#of.set(host, { sinceMs: nowMs, count: 1 })
  }

  areTooMany(remote: string, nowMs: number): boolean {
    const known = this.#of.get(hostOf(remote))
    return known !== undefined && known.count >= most && nowMs - known.sinceMs < windowMs
  }
}

const hostOf = (remote: string): string => remote.slice(0, remote.lastIndexOf(":"))
