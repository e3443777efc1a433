// What a NATS subject shows: the endpoint it belongs to, and the number that stands for a reply subject.

const apiPrefix = "$JS.API."
const ackPrefix = "$JS.ACK"

/** Asks for messages that then come with their own subjects: no reply pairs with it. */
const pullPrefix = "$JS.API.CONSUMER.MSG.NEXT."

/** Words of the JetStream API; what follows them are names of streams and consumers. */
const apiWords = new Set(
  (
    "INFO ACCOUNT STREAM CONSUMER CREATE UPDATE NAMES LIST DELETE PURGE MSG GET NEXT DURABLE DIRECT SNAPSHOT RESTORE PEER " +
    "REMOVE LEADER STEPDOWN META SERVER TEMPLATE PAUSE RESET UNPIN"
  ).split(" "),
)

export const isJetStreamCall = (subject: string): boolean => subject.startsWith(apiPrefix)

export const isPull = (subject: string): boolean => subject.startsWith(pullPrefix)

/** The first token; of calls of JetStream's API the call. */
export const endpointOf = (subject: string): string => {
  if (subject.startsWith(apiPrefix)) {
    let end = apiPrefix.length - 1
    while (end < subject.length) {
      const next = subject.indexOf(".", end + 1)
      const word = subject.slice(end + 1, next < 0 ? subject.length : next)
      if (!apiWords.has(word)) break
      end = next < 0 ? subject.length : next
    }
    return subject.slice(0, end)
  }
  if (subject.startsWith(ackPrefix)) return ackPrefix
  const dot = subject.indexOf(".")
  return dot < 0 ? subject : subject.slice(0, dot)
}

/** A reply subject identifies its request; as a number (FNV-1a, 31 bits) it is the same wherever it is seen. */
export const replyId = (subject: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193)
  return hash & 0x7fff_ffff
}
