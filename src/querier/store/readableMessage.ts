// ClickHouse's error texts as one line a person reads: without class names, version and the list of every
// possible token.

const maxLength = 500

export const readableMessage = (message: string): string =>
  message
    .replace(/\s+/g, " ")
    .replace(/^Code: \d+\. /, "")
    .replace(/^DB::Exception: /, "")
    .replace(/ FORMAT JSON[A-Za-z]*/, "")
    .replace(/ ?Expected one of: .*$/, "")
    .replace(/ \(version [^)]*\) ?$/, "")
    .replace(/ \([A-Z][A-Z_]+\) ?$/, "")
    .trim()
    .slice(0, maxLength)
