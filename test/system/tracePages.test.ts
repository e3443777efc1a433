// The console's pages about traces in a real browser: from a call on the map to the trace of one of its requests, the waterfall by
// mouse and by keys, why a span hangs where it hangs. Real requests of curl and nginx; trees that need more hosts come from a fixture.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { TraceFileCall } from "../../src/querier/events/traceEvents.ts"
import type { Trace } from "../../src/querier/trace/Trace.ts"
import { fileCallOf, largeTrace, shopTrace, singleTrace } from "../../web/src/pages/trace/trace.testing.ts"
import { seriousViolations } from "./pageAxe.ts"
import { browserPath, consoleFile, openConsole, pageForEachTest } from "./support/browser.ts"
import { curl, nginx, type Program, renamed } from "./support/programs.ts"
import { Sonde, until } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

interface Listed {
  readonly rows: ReadonlyArray<{ readonly id: string; readonly resource: string }>
}

describeSystem("the console's traces", ["/usr/sbin/nginx", "/usr/bin/curl", browserPath, consoleFile], () => {
  let folder: string
  let clientPath: string
  let web: Program
  let sonde: Sonde
  let page: Page
  /** What the page complained of. */
  let complaints: Array<string>

  const request = (path: string): void => {
    curl([`http://127.0.0.1:${web.port}${path}`], clientPath)
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sonde-traces-"))
    clientPath = renamed("/usr/bin/curl", "trace-curl", folder)
    web = await nginx()
    sonde = new Sonde()
    await sonde.capturing()
  })
  afterAll(async () => {
    await sonde?.stop()
    await web?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  pageForEachTest((opened) => ({ page, complaints } = opened))

  const open = (path: string): Promise<void> => openConsole(page, sonde, path)

  /** The number of a request as soon as both of its sides are stored. */
  const stored = async (path: string): Promise<string> => {
    request(path)
    const { rows } = await until(
      `both sides of ${path}`,
      () => sonde.get<Listed>(`/api/v1/requests?q=${encodeURIComponent(path)}`),
      (answer) => answer.rows.length === 2,
    )
    return rows[0]!.id
  }

  const openFixture = async (
    trace: Trace,
    query = "",
    files: ReadonlyArray<TraceFileCall> = [],
  ): Promise<void> => {
    await page.route("**/api/v1/traces/fixture", (route) => route.fulfill({ json: trace }))
    await page.route("**/api/v1/traces/fixture/events", (route) =>
      route.fulfill({ json: { files, truncated: false } }),
    )
    await open(`/traces/fixture${query}`)
    await rows().nth(1).waitFor()
  }

  const rows = () => page.getByRole("treegrid", { name: "Spans" }).getByRole("row")
  const rowOf = (text: string) => rows().filter({ hasText: text })
  const panel = () => page.getByRole("complementary", { name: "Span" })
  const chosen = () => page.locator("[role=row][aria-selected=true]")

  it("leads from a call on the map to the trace of a request in two clicks", async () => {
    await stored("/ok/two-clicks")
    await open("/")
    await page.getByRole("button", { name: /^trace-curl calls nginx/ }).click()
    const details = page.getByRole("complementary", { name: "Details" })
    await details.getByRole("link", { name: "Trace of GET /ok/two-clicks" }).click()
    await page.waitForURL(/\/traces\/\d+/)
    await rowOf("trace-curl").waitFor()
    await rowOf("nginx").waitFor()
    await page.goBack()
    await details.getByRole("link", { name: "Traces" }).click()
    await page.waitForURL(/\/traces\?client=trace-curl&server=nginx/)
    await page.getByRole("table", { name: "Traces" }).getByRole("row").nth(1).waitFor()
  })

  it("shows a request's trace on its page, small, and whole one click further", async () => {
    const id = await stored("/ok/small")
    await open(`/requests/${id}`)
    await page.getByText("2 spans, 2 services").waitFor()
    await page.getByRole("link", { name: "Open the trace" }).click()
    await page.waitForURL(`**/traces/${id}`)
    const went = page.getByRole("region", { name: "Where the time went" })
    await went.getByRole("button", { name: /^nginx/ }).click()
    expect(await chosen().textContent()).toContain("nginx")
    for (const text of ["certain", "Same TCP sequence", "Why it is here"]) {
      await panel().getByText(text, { exact: true }).first().waitFor()
    }
    await panel().getByText("Stored row, every column").click()
    await panel().getByText("req_tcp_seq").waitFor()
    await rowOf("trace-curl").click()
    await panel().getByText("Start of the trace").waitFor()
  })

  it("lists traces as they are made, and opens one by keys", async () => {
    await open("/traces?q=%2Fok%2Flisted")
    await page.getByText("No such traces").waitFor()
    request("/ok/listed")
    const table = page.getByRole("table", { name: "Traces" })
    await table.getByRole("link").first().waitFor()
    // Both ends of the call are one trace.
    expect(await table.getByRole("row").count()).toBe(2)
    await page.getByText("1 trace", { exact: true }).waitFor({ timeout: 10_000 })
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.waitForURL(/\/traces\/\d+/)
    await rowOf("nginx").waitFor()
  })

  it("keeps the filters of the list in the address", async () => {
    await stored("/ok/filters")
    await stored("/broken/filters")
    await open("/traces")
    await page.getByRole("searchbox").fill("/filters")
    await page.waitForURL(/q=%2Ffilters/)
    await page.getByLabel("Outcome").selectOption("Server error")
    await page.getByLabel("At most").fill("20 s")
    await page.getByLabel("At most").press("Enter")
    await page.getByLabel("At least").fill("fast")
    expect(await page.getByLabel("At least").getAttribute("aria-invalid")).toBe("true")
    await page.getByLabel("At least").fill("0.001 ms")
    await page.getByLabel("Tag").fill(`auto_service=nginx`)
    await page.getByLabel("Tag").press("Enter")
    await page.getByRole("button", { name: "Slowest" }).click()
    const isFiltered = async (): Promise<void> => {
      await page.getByRole("table", { name: "Traces" }).getByText("500").waitFor()
      expect(await page.getByRole("row").count()).toBe(2)
      expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
        q: "/filters",
        status: "server_error",
        maxUs: "20000000",
        minUs: "1",
        tag: "auto_service=nginx",
        order: "slowest",
      })
    }
    await isFiltered()
    await page.reload()
    await isFiltered()
    expect(await page.getByLabel("At most").inputValue()).toBe("20 s")
    await page.getByRole("button", { name: "Clear" }).click()
    await page.waitForURL(/\/traces\?order=slowest$/)
  })

  it("chooses times and durations by a drag over their picture", async () => {
    await stored("/ok/drag")
    await open("/traces")
    const picture = page.getByRole("img", { name: /^How long [\d,]+ traces? took over time/ })
    const box = (await picture.boundingBox())!
    await page.mouse.move(box.x + box.width * 0.5, box.y + 5)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width - 2, box.y + box.height - 3, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL(/from=\d+&to=\d+&minUs=\d+&maxUs=\d+/)
    await page.getByRole("table", { name: "Traces" }).getByRole("row").nth(1).waitFor()
  })

  it("says that there is no such trace", async () => {
    await open("/traces/0af7651916cd43dd8448eb211c80319c")
    await page.getByText("There is no such trace").waitFor()
    // The browser tells of the answer with status 404.
    expect(complaints.splice(0)).toHaveLength(1)
  })

  it("folds the network until it is asked for, and keeps that in the address", async () => {
    await openFixture(shopTrace())
    await page.getByText("14 of 16 spans shown").waitFor()
    await page.getByLabel("Show network").check()
    await page.getByText("16 spans", { exact: true }).waitFor()
    expect(new URL(page.url()).searchParams.get("net")).toBe("1")
    await page.reload()
    await rowOf("server nic").waitFor()
    await page.keyboard.press("w")
    await rowOf("server nic").waitFor({ state: "detached" })
    await rows().nth(1).hover()
    await page.getByRole("button", { name: "2 network" }).click()
    await rowOf("server nic").waitFor()
  })

  it("says why a span has no parent, and what to do", async () => {
    await openFixture(shopTrace())
    await page.getByRole("button", { name: "Basic.Publish views" }).click()
    for (const text of ["No parent found", /traceparent or X-Request-ID header/]) {
      await panel().getByText(text).waitFor()
    }
    const address = page.url()
    await page.goto("about:blank")
    await page.goto(address)
    await panel().getByText("No parent found").waitFor()
    await page.keyboard.press("Escape")
    await panel().waitFor({ state: "detached" })
  })

  it("says that limits were reached and clocks were moved", async () => {
    const text = "X-Request-ID abc is in more than 200 rows: not followed"
    await openFixture(shopTrace({ limits: [{ name: "shared_id", limit: 200, text }] }))
    await page.getByText(text).waitFor()
    await page.getByText("The clock of box-2").waitFor()
  })

  it("shows waits for files at their span", async () => {
    const trace = shopTrace()
    const at = trace.spans.findIndex((span) => span.point === "s-p" && span.service === "stock")
    await openFixture(trace, "", [
      fileCallOf(trace, at, 5_300, 600),
      { ...fileCallOf(trace, at, 31_200, 3_300), isCertain: false },
    ])
    await page.getByText("Waits for files within that: stock 3.9 ms").waitFor()
    await rowOf("2 file waits").click()
    await panel().getByText("Waits for files").waitFor()
    expect(await panel().getByText("Read of /var/lib/stock/items.db").count()).toBe(2)
    expect(await panel().getByText("made by its thread meanwhile").count()).toBe(1)
  })

  it("is walked by keys", async () => {
    await openFixture(shopTrace())
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    expect(await chosen().textContent()).toContain("nginx")
    await page.keyboard.press("ArrowLeft")
    await page.getByText("+11").waitFor()
    await page.keyboard.press("ArrowLeft")
    await page.waitForFunction(
      `document.querySelector("[aria-selected=true]")?.textContent.includes("demo-visitor")`,
    )
    await page.keyboard.press("j")
    await page.keyboard.press("ArrowRight")
    await page.getByText("+11").waitFor({ state: "detached" })
    await page.keyboard.press("e")
    await panel().getByRole("heading", { name: "500 Server error GET /items/*" }).waitFor()
    await page.keyboard.press("/")
    await page.keyboard.type("render")
    await page.getByRole("button", { name: "Next of 1" }).waitFor()
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await panel().getByRole("heading", { name: "render product" }).waitFor()
    await page.keyboard.press("z")
    await page.keyboard.press("0")
    expect(await rows().count()).toBe(15)
  })

  it("takes 2,000 spans and draws those in sight", async () => {
    const trace = largeTrace(2_000)
    const last = trace.spans.at(-1)!
    await openFixture(trace)
    await page.getByText("2,000 spans", { exact: true }).waitFor()
    expect(await rows().count()).toBeLessThan(80)
    await page.goto(`${page.url()}?span=${last.id}`)
    await chosen().waitFor()
    expect(await chosen().getAttribute("aria-rowindex")).toBe("2001")
    expect(await chosen().isVisible()).toBe(true)
  })

  it("takes one span", async () => {
    await openFixture(singleTrace())
    await page.getByText("1 span", { exact: true }).waitFor()
    await page.getByText(/100% of the time nginx worked itself/).waitFor()
  })

  it.each([
    ["light", 1_280],
    ["dark", 1_280],
    ["light", 400],
  ] as const)("is accessible in %s at %d pixels", async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" })
    await page.setViewportSize({ width, height: 800 })
    const check = async (name: string): Promise<void> => {
      await page.waitForTimeout(400)
      expect(await seriousViolations(page), name).toEqual([])
      const overflow = (await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      )) as number
      expect(overflow, name).toBe(0)
    }
    await open("/traces")
    await page.getByRole("table", { name: "Traces" }).getByRole("row").nth(1).waitFor()
    await check("traces")
    await openFixture(shopTrace(), "?net=1")
    await check("trace")
    await rowOf("SELECT items").click()
    await panel().getByText("Stored row, every column").waitFor()
    await check("trace with a span")
    await page.getByRole("button", { name: "Basic.Publish views" }).click()
    await panel().getByText("No parent found").waitFor()
    await check("trace with a span without a parent")
  })
})
