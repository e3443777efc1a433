// Points over time whose steps are complete: in a range that ends now the first step is cut, and the last ones have not all of
// their rows yet; both would look like a drop.

/** Seconds after which a request is surely stored. */
const lateSeconds = 3

export const wholeSteps = <Point>(
  points: ReadonlyArray<Point>,
  stepSeconds: number,
  endsNow: boolean,
): ReadonlyArray<Point> => {
  if (!endsNow) return points
  const open = stepSeconds > 10 * lateSeconds ? 1 : 1 + Math.ceil(lateSeconds / stepSeconds)
  return points.length > 3 * open ? points.slice(1, -open) : points
}
