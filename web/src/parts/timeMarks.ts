// Round marks along a line of time. Pure.

/** Later ones would stick out of the line. */
const lastMark = 0.93

/** Multiples of a round step between two times in microseconds, at most `most` and one. */
export const marksBetween = (fromUs: number, toUs: number, most = 5): ReadonlyArray<number> => {
  const rough = (toUs - fromUs) / most
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, rough)))
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((nice) => nice >= rough) ?? unit
  const end = fromUs + (toUs - fromUs) * lastMark
  const marks: Array<number> = []
  for (let at = Math.ceil(fromUs / step) * step; at <= end; at += step) marks.push(at)
  return marks
}
