// Keeps the first load small: the build fails when the page that needs most, with everything it loads at once, weighs more
// than the limit after gzip.

import { gzipSync } from "node:zlib"
import type { Plugin, Rolldown } from "vite"

/** gzip level 9, in units of 1,000 bytes. */
const limitKB = 200

type Bundle = Rolldown.OutputBundle

const sizeOf = (output: Rolldown.OutputAsset | Rolldown.OutputChunk): number =>
  gzipSync(output.type === "chunk" ? output.code : output.source, { level: 9 }).length

/** A chunk, what it imports statically, and their style sheets. */
const closure = (bundle: Bundle, name: string, files: Set<string>): Set<string> => {
  const output = bundle[name]
  if (output === undefined || files.has(name)) return files
  files.add(name)
  if (output.type !== "chunk") return files
  for (const style of output.viteMetadata?.importedCss ?? []) files.add(style)
  for (const imported of output.imports) closure(bundle, imported, files)
  return files
}

/** What each page loads before it shows itself: entry and page. Workers, which load later, are counted with every page. */
export const firstLoads = (bundle: Bundle): ReadonlyMap<string, number> => {
  const outputs = Object.values(bundle)
  const chunks = outputs.filter((output) => output.type === "chunk")
  const entries = chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName)
  const pages = chunks.filter((chunk) => chunk.isDynamicEntry).map((chunk) => chunk.fileName)
  const workers = outputs.map((output) => output.fileName).filter((name) => /\bworker\b.*\.js$/.test(name))
  const common = new Set(["index.html", ...workers])
  for (const entry of entries) closure(bundle, entry, common)
  const weigh = (files: ReadonlySet<string>): number =>
    [...files].reduce((sum, name) => sum + (bundle[name] === undefined ? 0 : sizeOf(bundle[name])), 0)
  return new Map(pages.map((page) => [page, weigh(closure(bundle, page, new Set(common)))]))
}

export const firstLoadLimit = (): Plugin => ({
  name: "first-load-limit",
  enforce: "post",
  generateBundle: {
    order: "post",
    handler(_options, bundle) {
      const loads = [...firstLoads(bundle)].sort(([, a], [, b]) => b - a)
      const [page, bytes] = loads[0] ?? ["none", 0]
      const said = `first load ${(bytes / 1000).toFixed(1)} kB of ${limitKB} kB gzipped (${page})`
      if (loads.length === 0) this.error("no page found in the bundle: the first load cannot be weighed")
      if (bytes > limitKB * 1000) this.error(`${said}: load something later, or drop it`)
      this.info(said)
    },
  },
})
