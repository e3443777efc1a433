// Numbers as people read them: three digits that matter, units with a thin gap, one spelling in the whole console.

const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? trimmed(value.toFixed(1)) : trimmed(value.toFixed(2))

const trimmed = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text)

/** From microseconds: 842 µs, 4.12 ms, 1.2 s, 3.5 min. */
export const formatDuration = (us: number): string => {
  const size = Math.abs(us)
  const sign = us < 0 ? "−" : ""
  if (size < 1_000) return `${sign}${Math.round(size)} µs`
  if (size < 999_500) return `${sign}${digits(size / 1_000)} ms`
  if (size < 59_950_000) return `${sign}${digits(size / 1_000_000)} s`
  if (size < 3_600_000_000) return `${sign}${digits(size / 60_000_000)} min`
  return `${sign}${digits(size / 3_600_000_000)} h`
}

/** A duration that may be unknown; the API says 0 where nothing was answered. */
export const formatLatency = (us: number | null): string =>
  us === null || us === 0 ? "–" : formatDuration(us)

/** 0, 7, 812, 1.2k, 45k, 3.1M. */
export const formatCount = (count: number): string => {
  if (count < 1_000) return String(Math.round(count))
  if (count < 999_500) return `${digits(count / 1_000)}k`
  if (count < 999_500_000) return `${digits(count / 1_000_000)}M`
  return `${digits(count / 1_000_000_000)}G`
}

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 })

export const formatExact = (count: number): string => whole.format(count)

/** Requests a second; below one in ten seconds, a minute. */
export const formatRate = (perSecond: number): string => {
  if (perSecond === 0) return "0/s"
  if (perSecond < 0.1) return `${digits(perSecond * 60)}/min`
  return `${perSecond < 1_000 ? digits(perSecond) : formatCount(perSecond)}/s`
}

/** From a ratio of 1; a little is never shown as none. */
export const formatPercent = (ratio: number): string => {
  const percent = ratio * 100
  if (percent === 0) return "0%"
  if (percent < 0.1) return "<0.1%"
  if (percent > 99.9 && percent < 100) return ">99.9%"
  return `${percent < 10 ? trimmed(percent.toFixed(1)) : percent.toFixed(0)}%`
}

export const formatBytes = (bytes: number): string => {
  if (bytes < 1_000) return `${Math.round(bytes)} B`
  if (bytes < 999_500) return `${digits(bytes / 1_000)} kB`
  if (bytes < 999_500_000) return `${digits(bytes / 1_000_000)} MB`
  return `${digits(bytes / 1_000_000_000)} GB`
}

/** A text of the server, such as the reason of a limit, as a sentence. */
export const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`

const two = (value: number): string => String(value).padStart(2, "0")

/** Time of day with milliseconds in the reader's time zone. */
export const formatClock = (us: number): string => {
  const at = new Date(us / 1_000)
  const ms = String(at.getMilliseconds()).padStart(3, "0")
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`
}

const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" })

export const formatMoment = (us: number): string => `${dayFormat.format(us / 1_000)}, ${formatClock(us)}`

/** How long ago, coarsely. */
export const formatAgo = (us: number, nowMs: number): string => {
  const seconds = Math.max(0, nowMs / 1_000 - us / 1_000_000)
  if (seconds < 2) return "just now"
  return `${formatSpan(seconds)} ago`
}

/** 45 s, 12 min, 3 h 20 min, 5 d. */
export const formatSpan = (seconds: number): string => {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  if (seconds < 129_600) {
    const minutes = Math.round(seconds / 60)
    return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  }
  return `${Math.round(seconds / 86_400)} d`
}
