// A real browser on the console's pages, and what the pages complain of.

import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest"
import type { Sonde } from "./Sonde.ts"

export const browserPath =
  ["/usr/bin/chromium", "/usr/bin/chromium-headless-shell"].find(existsSync) ?? "/usr/bin/chromium"

/** Of the built console. */
export const consoleFile = fileURLToPath(new URL("../../../build/web/index.html", import.meta.url))

/** No sandbox for root; nothing that talks to the network by itself. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: browserPath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  })

/** An empty page; what it logs as an error or throws is pushed to `complaints`. */
export const openPage = async (browser: Browser, complaints: Array<string>): Promise<Page> => {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 }, colorScheme: "light" })
  page.on("pageerror", (error) => complaints.push(String(error)))
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text())
  })
  return page
}

/** A page of the console for the test that runs, and what it complained of so far. */
export interface ConsolePage {
  readonly page: Page
  readonly complaints: Array<string>
}

/**
 * To be called within `describe`: one browser for its tests, a new page for each, which fails the test when it complains. `use` is
 * given the page before the test.
 */
export const pageForEachTest = (use: (opened: ConsolePage) => void): void => {
  let browser: Browser | undefined
  let opened: ConsolePage
  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    const complaints: Array<string> = []
    opened = { page: await openPage(browser!, complaints), complaints }
    use(opened)
  })
  afterEach(async () => {
    await opened.page.close()
    expect(opened.complaints).toEqual([])
  })
}

/** Opens an address of the console, such as "/map". */
export const openConsole = async (page: Page, sonde: Sonde, path: string): Promise<void> => {
  const { url } = await sonde.ready
  await page.goto(new URL(path, url).href)
}
