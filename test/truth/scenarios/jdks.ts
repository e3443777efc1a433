// The JDKs of the machine: the default one, and whichever are installed beside it.

import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import { found } from "./found.ts"

/** Where distributions install them. */
const usualFolder = "/usr/lib/jvm"

export interface Jdk {
  readonly java: string
  /** The first number: 21. */
  readonly version: number
}

/** The JDK in a folder; undefined: there is none, or it cannot compile. */
const jdkAt = (folder: string): Jdk | undefined => {
  const java = join(folder, "bin/java")
  if (![java, join(folder, "bin/javac"), join(folder, "release")].every((path) => existsSync(path)))
    return undefined
  const version = /^JAVA_VERSION="(\d+)/m.exec(readFileSync(join(folder, "release"), "utf8"))?.[1]
  return version === undefined ? undefined : { java, version: Number(version) }
}

/** That of `java` in PATH. */
export const defaultJdk = (): Jdk | undefined => {
  const java = found("java")
  return java === "" ? undefined : jdkAt(dirname(dirname(realpathSync(java))))
}

export const newestJdk = (): Jdk | undefined => {
  const home = process.env["JAVA_HOME"] ?? ""
  const folders = [
    ...(home === "" ? [] : [home]),
    ...(existsSync(usualFolder) ? readdirSync(usualFolder).map((name) => join(usualFolder, name)) : []),
  ]
  return [defaultJdk(), ...folders.map(jdkAt)]
    .filter((jdk) => jdk !== undefined)
    .toSorted((one, other) => other.version - one.version)
    .at(0)
}
