// Who is the client: the handshake says it; without one the port numbers suggest it, and payload may correct
// it later.

/** How sure it is, as in `direction_score`. */
export const DirectionScore = {
  /** A SYN or SYN-ACK was seen. */
  handshake: 255,
  /** One port is a system port (RFC 6335: below 1024) or was named as a server's. */
  serverPort: 200,
  /** One port is in the range clients get theirs from (Linux: 32768 and up), the other below. */
  ephemeralPort: 150,
  /** The lower port is the server's. */
  lowerPort: 100,
  /** Equal ports: whoever was seen first. */
  firstPacket: 50,
} as const

const systemPorts = 1024
const ephemeralPorts = 32_768

/** Positive score: the sender of this packet is the client. Negative: the receiver is, with that score. */
export const guessClient = (
  sourcePort: number,
  targetPort: number,
  serverPorts: ReadonlySet<number>,
): number => {
  const isSourceServer = sourcePort < systemPorts || serverPorts.has(sourcePort)
  const isTargetServer = targetPort < systemPorts || serverPorts.has(targetPort)
  if (isSourceServer !== isTargetServer) {
    return isTargetServer ? DirectionScore.serverPort : -DirectionScore.serverPort
  }
  if (sourcePort === targetPort) return DirectionScore.firstPacket
  const isEphemeral = sourcePort >= ephemeralPorts !== targetPort >= ephemeralPorts
  const score = isEphemeral ? DirectionScore.ephemeralPort : DirectionScore.lowerPort
  return targetPort < sourcePort ? score : -score
}
