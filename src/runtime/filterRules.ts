// Rules that say whose requests are read: "comm=nginx", "port=8080". Their text, what is wrong with one, and whether a process
// matches. What includes and excludes come to together is decided here, too.

/** What a rule looks at, and what its value must be. */
const kinds = {
  pid: { pattern: "[1-9][0-9]{0,6}", example: "pid=1234" },
  /** Name of the command, 15 characters at most, as the kernel keeps it. */
  comm: { pattern: ".{1,15}", example: "comm=nginx" },
  exe: { pattern: "[/*].*", example: "exe=/usr/sbin/nginx" },
  /** A control group, or those below it. */
  cgroup: { pattern: "[/*].*", example: "cgroup=/system.slice/*" },
  /** Beginning of the container's id, or its name. */
  container: { pattern: ".+", example: "container=web-*" },
  /** Number of the network namespace's inode. */
  netns: { pattern: "[1-9][0-9]{0,9}", example: "netns=4026531840" },
  port: {
    pattern: "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])",
    example: "port=8080",
  },
} as const

export type FilterKind = keyof typeof kinds

/** Of one rule as text. */
export const filterRulePattern = new RegExp(
  `^(?:${Object.entries(kinds)
    .map(([kind, { pattern }]) => `${kind}=${pattern}`)
    .join("|")})$`,
)

/** What a list of rules has to be, for messages. */
export const filterRuleExpected = `rules such as ${Object.values(kinds)
  .map(({ example }) => example)
  .join(", ")}`

/** What a process is known by; undefined: not known, because it is gone or may not be looked at. */
export interface FilteredProcess {
  readonly pid: number
  readonly comm: string
  readonly exe: string | undefined
  /** Paths of its control groups, one for each hierarchy. */
  readonly cgroups: ReadonlyArray<string> | undefined
  /** Id and names of its container; empty: it is in none. */
  readonly container: ReadonlyArray<string> | undefined
  readonly netns: number | undefined
}

interface Rule {
  readonly kind: FilterKind
  readonly value: string
  readonly matches: (text: string) => boolean
}

/** `*` stands for any characters. */
const glob = (text: string): ((value: string) => boolean) => {
  if (!text.includes("*")) return (value) => value === text
  const source = text.split("*").map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"))
  const pattern = new RegExp(`^${source.join(".*")}$`, "s")
  return (value) => pattern.test(value)
}

/** So much of a container's id names it. */
const idDigits = /^[0-9a-f]{8,64}$/

const matcher = (kind: FilterKind, value: string): ((text: string) => boolean) => {
  if (kind === "container" && idDigits.test(value)) return (text) => text === value || text.startsWith(value)
  return glob(value)
}

const parse = (text: string): Rule => {
  const at = text.indexOf("=")
  const kind = text.slice(0, at) as FilterKind
  const value = text.slice(at + 1)
  return { kind, value, matches: matcher(kind, value) }
}

/** Undefined: not known. */
const textsOf = (kind: FilterKind, process: FilteredProcess): ReadonlyArray<string> | undefined => {
  switch (kind) {
    case "pid":
      return [String(process.pid)]
    case "comm":
      return [process.comm]
    case "exe":
      return process.exe === undefined ? undefined : [process.exe]
    case "cgroup":
      return process.cgroups
    case "container":
      return process.container
    case "netns":
      return process.netns === undefined ? undefined : [String(process.netns)]
    case "port":
      return []
  }
}

const portsOf = (rules: ReadonlyArray<Rule>): ReadonlySet<number> =>
  new Set(rules.flatMap(({ kind, value }) => (kind === "port" ? [Number(value)] : [])))

const ofProcesses = (rules: ReadonlyArray<Rule>): ReadonlyArray<Rule> =>
  rules.filter(({ kind }) => kind !== "port")

export class FilterRules {
  /** Connections with one of these ports at either end, and those of all others when there are any. */
  readonly includedPorts: ReadonlySet<number>
  readonly excludedPorts: ReadonlySet<number>
  readonly #include: ReadonlyMap<FilterKind, ReadonlyArray<Rule>>
  readonly #exclude: ReadonlyArray<Rule>

  /** Both as the schema takes them. */
  constructor(include: ReadonlyArray<string>, exclude: ReadonlyArray<string>) {
    const [included, excluded] = [include.map(parse), exclude.map(parse)]
    this.includedPorts = portsOf(included)
    this.excludedPorts = portsOf(excluded)
    this.#include = Map.groupBy(ofProcesses(included), ({ kind }) => kind)
    this.#exclude = ofProcesses(excluded)
  }

  /** Whether there is anything to ask of a process. */
  get concernsProcesses(): boolean {
    return this.#include.size > 0 || this.#exclude.length > 0
  }

  /**
   * No exclude matches, and of each kind of include that there is one does. Where a rule asks what is not known the process is left out,
   * either way.
   */
  includes(process: FilteredProcess): boolean {
    for (const { kind, matches } of this.#exclude)
      if (textsOf(kind, process)?.some(matches) ?? true) return false
    for (const [kind, rules] of this.#include) {
      const texts = textsOf(kind, process)
      if (texts === undefined || !rules.some(({ matches }) => texts.some(matches))) return false
    }
    return true
  }
}
