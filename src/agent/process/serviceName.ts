// The name people know a process by: its program, or for an interpreter the script or module it runs.

const interpreters =
  /^(python[\d.]*|node|nodejs|ruby[\d.]*|perl[\d.]*|php[\d.]*|bash|sh|dash|deno|bun|tsx|ts-node)$/
/** Script names that say nothing; the folder they are in does. */
const plainScripts = new Set([
  "index",
  "main",
  "server",
  "app",
  "start",
  "run",
  "cli",
  "wsgi",
  "asgi",
  "manage",
  "__main__",
])

const plainFolders = new Set(["", ".", "..", "src", "dist", "build", "bin", "lib", "scripts"])

/** A script from a pipe or descriptor has no name. */
const namelessScript = /^\/(dev\/fd|proc\/[^/]+\/fd)\/|^\/dev\/stdin$/

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

const scriptName = (path: string): string => {
  const stem = baseName(path).replace(/\.(js|mjs|cjs|ts|mts|py|pyc|rb|pl|php|jar|sh)$/, "")
  const folders = path.split("/").slice(0, -1)
  const folder = folders.findLast((part) => !plainFolders.has(part) && !plainScripts.has(part))
  return plainScripts.has(stem) && folder !== undefined ? folder : stem
}

/** Flags that take the next argument as their value, by interpreter family. */
const valueFlags = new Set([
  "-W",
  "-X",
  "-r",
  "--require",
  "--import",
  "--loader",
  "-I",
  "-C",
  "--conditions",
])

const interpreted = (args: ReadonlyArray<string>): string | undefined => {
  for (let i = 1; i < args.length; i++) {
    const argument = args[i]!
    if (argument === "-m") return args[i + 1]
    if (argument === "-c" || argument === "-e" || argument === "-p") return undefined
    if (valueFlags.has(argument)) i++
    else if (!argument.startsWith("-"))
      return namelessScript.test(argument) ? undefined : scriptName(argument)
  }
  return undefined
}

const javaName = (args: ReadonlyArray<string>): string | undefined => {
  for (let i = 1; i < args.length; i++) {
    const argument = args[i]!
    if (argument === "-jar") return args[i + 1] === undefined ? undefined : scriptName(args[i + 1]!)
    if (argument === "-cp" || argument === "-classpath" || argument === "--class-path") i++
    else if (!argument.startsWith("-")) return argument.slice(argument.lastIndexOf(".") + 1)
  }
  return undefined
}

/**
 * Name of the service a process belongs to. `comm` is the kernel's command name (cut at 15 bytes), `args` its command line,
 * which programs may have rewritten ("nginx: worker process"). Never empty.
 */
export const serviceName = (comm: string, args: ReadonlyArray<string>): string => {
  const first = args[0] ?? ""
  // A rewritten title: the program's name up to the colon.
  const title = /^([\w.-]+): /.exec(first)
  if (title !== null) return title[1]!
  const program = baseName(first.split(" ", 1)[0]!)
  if (interpreters.test(program)) return interpreted(args) || program
  if (program === "java") return javaName(args) || "java"
  if (program === "") return comm || "unknown"
  // Threads and exec wrappers change comm; the longer name wins where one is the other cut short.
  return program
}
