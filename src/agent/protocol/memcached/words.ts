// The words of Memcached's text protocol (doc/protocol.txt of memcached 1.6).

/** Commands with a data block behind the line; the index of its length among the line's words. */
const lengthAt: Record<string, number> = {
  set: 4,
  add: 4,
  replace: 4,
  append: 4,
  prepend: 4,
  cas: 4,
  ms: 2,
}

const commands = new Set(
  (
    "get gets gat gats set add replace append prepend cas delete incr decr touch mg ms md ma mn me " +
    "stats flush_all version verbosity quit shutdown cache_memlimit slabs lru lru_crawler watch misbehave"
  ).split(" "),
)

const answers = new Set(
  (
    "VALUE END STORED NOT_STORED EXISTS NOT_FOUND DELETED TOUCHED OK ERROR CLIENT_ERROR SERVER_ERROR VERSION STAT RESET " +
    "BUSY BADCLASS HD VA EN NF NS EX MN ME"
  ).split(" "),
)

/** Longest word of both lists. */
export const maxWord = 14

export const isCommand = (word: string): boolean => commands.has(word)

export const isAnswer = (word: string): boolean => answers.has(word)

/** Where the length of the data block stands in the line of this command; 0 when it has none. */
export const dataLengthAt = (command: string): number => lengthAt[command] ?? 0

/** A meta command: flags behind the key, `q` among them asks for silence. */
export const isMeta = (command: string): boolean => command.length === 2 && command.startsWith("m")

/** Longest value that is believed: memcached's -I allows 1 GiB. */
export const maxData = 0x40000000

/** A count of bytes in decimal; -1 when it is none. */
export const parseCount = (text: string | undefined): number => {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return -1
  const count = Number(text)
  return count <= maxData ? count : -1
}
