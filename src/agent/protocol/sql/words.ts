// Words of SQL: with which a statement begins, and where in it the table stands.

/** First words of statements, in upper case. */
const statementWords = new Set(
  (
    "SELECT INSERT UPDATE DELETE REPLACE MERGE WITH VALUES TABLE CREATE DROP ALTER TRUNCATE RENAME COMMENT GRANT REVOKE " +
    "BEGIN START COMMIT ROLLBACK ABORT END SAVEPOINT RELEASE PREPARE EXECUTE DEALLOCATE SET RESET SHOW USE DESC DESCRIBE " +
    "EXPLAIN ANALYZE ANALYSE CALL DO DECLARE FETCH MOVE CLOSE OPEN COPY LOAD LOCK UNLOCK FLUSH KILL OPTIMIZE CHECK REPAIR " +
    "CHECKSUM VACUUM CLUSTER REINDEX REFRESH LISTEN NOTIFY UNLISTEN DISCARD REASSIGN IMPORT SECURITY HANDLER HELP XA " +
    "CHECKPOINT CACHE PURGE STOP CHANGE BINLOG INSTALL UNINSTALL RESIGNAL SIGNAL GET"
  ).split(" "),
)

/** Longest word that means anything here. */
export const maxWord = 16

export const isStatementWord = (word: string): boolean => statementWords.has(word)

/** Where the name of the table follows. */
export const TablePlace = {
  /** The statement names none that matters. */
  nowhere: 0,
  /** Behind a FROM of the same SELECT, or behind that of DELETE. */
  afterFrom: 1,
  /** Behind the first word and what may stand between (`INSERT LOW_PRIORITY INTO t`). */
  next: 2,
  /** Behind the word TABLE, or ON for an index. */
  afterTable: 3,
} as const
export type TablePlace = (typeof TablePlace)[keyof typeof TablePlace]

const places: Record<string, TablePlace> = {
  SELECT: TablePlace.afterFrom,
  DELETE: TablePlace.afterFrom,
  WITH: TablePlace.afterFrom,
  INSERT: TablePlace.next,
  REPLACE: TablePlace.next,
  MERGE: TablePlace.next,
  UPDATE: TablePlace.next,
  TRUNCATE: TablePlace.next,
  COPY: TablePlace.next,
  // Not a table, but what the statement is about.
  USE: TablePlace.next,
  CREATE: TablePlace.afterTable,
  DROP: TablePlace.afterTable,
  ALTER: TablePlace.afterTable,
  LOAD: TablePlace.afterTable,
}

export const tablePlace = (word: string): TablePlace => places[word] ?? TablePlace.nowhere

const hashOf = (bytes: ArrayLike<number>, start: number, end: number): number => {
  let hash = end - start
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] | 32)) | 0
  return hash
}

/** Finds which of a few words stands in bytes[start, end), in any case, without making a text of it. */
class WordTable {
  private readonly words = new Map<number, string>()

  constructor(words: Iterable<string>) {
    for (const word of words) {
      const codes = Array.from(word, (letter) => letter.charCodeAt(0))
      this.words.set(hashOf(codes, 0, codes.length), word)
    }
  }

  find(bytes: Uint8Array, start: number, end: number): string | undefined {
    const length = end - start
    if (length > maxWord) return undefined
    const word = this.words.get(hashOf(bytes, start, end))
    if (word === undefined || word.length !== length) return undefined
    for (let i = 0; i < length; i++)
      if (word.charCodeAt(i) !== bytes[start + i] && word.charCodeAt(i) !== bytes[start + i] - 32)
        return undefined
    return word
  }
}

const firstWords = new WordTable(statementWords)
const between = new WordTable(
  "INTO IF NOT EXISTS ONLY TABLE LOW_PRIORITY HIGH_PRIORITY DELAYED IGNORE QUICK LATERAL OVERWRITE".split(
    " ",
  ),
)

/** The first word of a statement, in upper case; undefined when bytes[start, end) are none. */
export const firstWord = (bytes: Uint8Array, start: number, end: number): string | undefined =>
  firstWords.find(bytes, start, end)

/** Words that may stand before the table's name. */
export const isBeforeTable = (bytes: Uint8Array, start: number, end: number): boolean =>
  between.find(bytes, start, end) !== undefined
