// Where the embedded ClickHouse's two files are: the library, which npm installs for the platforms it exists for, and the
// launcher, which `make -C native` builds.

import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { EngineError } from "./EngineError.ts"

const launcher = fileURLToPath(new URL("../../../build/ch-embedded", import.meta.url))

const isGlibc = (): boolean => {
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime !== undefined
}

export interface EngineFiles {
  readonly launcher: string
  readonly library: string
}

/** Throws nothing: what is missing comes back as an `EngineError`. */
export const engineFiles = (): EngineFiles | EngineError => {
  const platform = `${process.platform} ${process.arch}`
  let library: string
  try {
    library = createRequire(import.meta.url).resolve(
      `@chdb/lib-${process.platform}-${process.arch}-gnu/libchdb.so`,
    )
  } catch (cause) {
    return new EngineError({
      reason: "unsupported",
      message:
        `the embedded ClickHouse is not installed for ${platform}: on linux x64 run \`npm ci\`; ` +
        "elsewhere set storage.mode to remote and storage.url to a ClickHouse server",
      cause,
    })
  }
  if (process.platform === "linux" && !isGlibc()) {
    return new EngineError({
      reason: "unsupported",
      message:
        "the embedded ClickHouse needs glibc and this system has another C library (musl?): " +
        "set storage.mode to remote and storage.url to a ClickHouse server",
    })
  }
  if (!existsSync(launcher)) {
    return new EngineError({
      reason: "notBuilt",
      message: `${launcher} is missing: build it with \`npm run build:native\``,
    })
  }
  return { launcher, library }
}
