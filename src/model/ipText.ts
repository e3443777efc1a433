// Text forms of a 16-byte address: dotted for IPv4-mapped ones, RFC 5952 for IPv6.

const isMapped = (ip: Uint8Array): boolean => {
  for (let i = 0; i < 10; i++) if (ip[i] !== 0) return false
  return ip[10] === 0xff && ip[11] === 0xff
}

export const ipText = (ip: Uint8Array): string => {
  if (isMapped(ip)) return `${ip[12]}.${ip[13]}.${ip[14]}.${ip[15]}`
  const groups: Array<number> = []
  for (let i = 0; i < 16; i += 2) groups.push((ip[i] << 8) | ip[i + 1])
  // The longest run of at least two zero groups is written as "::".
  let bestAt = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (i + length < 8 && groups[i + length] === 0) length++
    if (length > bestLength) {
      bestAt = i
      bestLength = length
    }
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":")
  return bestAt < 0 ? hex(0, 8) : `${hex(0, bestAt)}::${hex(bestAt + bestLength, 8)}`
}
