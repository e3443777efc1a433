// The console's pages about agents, servers and configuration in a real browser: against a Sonde of its own, and where one server
// alone has too little to show (a region, settings with a history, 10,000 agents) with answers from the test.

import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { answerAdmin, FakeSettings } from "./adminAnswers.ts"
import { seriousViolations } from "./pageAxe.ts"
import { browserPath, consoleFile, openConsole, pageForEachTest } from "./support/browser.ts"
import { Sonde } from "./support/Sonde.ts"
import { describeSystem } from "./support/system.ts"

describeSystem("the console's pages of administration", [browserPath, consoleFile], () => {
  let sonde: Sonde
  let page: Page
  let downloads: string
  /** What the page complained of. */
  let complaints: Array<string>

  beforeAll(async () => {
    downloads = mkdtempSync(join(tmpdir(), "sonde-downloads-"))
    sonde = new Sonde()
    await sonde.capturing()
  })
  afterAll(async () => {
    await sonde?.stop()
    rmSync(downloads, { recursive: true, force: true })
  })

  pageForEachTest((opened) => ({ page, complaints } = opened))

  const open = (path: string): Promise<void> => openConsole(page, sonde, path)
  const button = (name: string | RegExp) =>
    page.getByRole("button", { name, exact: typeof name === "string" })
  const dialog = (name: string | RegExp) => page.getByRole("dialog", { name })
  const visible = (text: string | RegExp): Promise<void> =>
    page.getByText(text).first().waitFor({ state: "visible", timeout: 10_000 })
  const give = async (token: string): Promise<void> => {
    const asked = dialog("Changes need a token")
    await asked.getByRole("textbox").fill(token)
    await asked.getByRole("button", { name: "Go on" }).click()
  }
  const adminToken = (): string => readFileSync(join(sonde.data, "admin-token"), "utf8").trim()

  it("lists the agent and tells all of it, by keys alone", async () => {
    await open("/")
    await page.getByRole("navigation").first().waitFor()
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.waitForURL(/\/agents/)
    await page.getByRole("row").filter({ hasText: "Running" }).waitFor({ timeout: 10_000 })
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    const panel = page.getByRole("complementary", { name: "Agent" })
    await panel.getByText("What it can").waitFor()
    const requests = panel.getByRole("link", { name: "Its requests" })
    expect(await requests.getAttribute("href")).toMatch(/^\/requests\?agent=[0-9a-f-]{36}$/)
    await page.keyboard.press("Escape")
    await panel.waitFor({ state: "detached" })
  })

  it("asks for a token at the first change, forgets a wrong one, and shows the new state at once", async () => {
    await open("/agents")
    await page.getByRole("row").nth(1).click()
    await button(/^Disable /).click()
    await dialog(/^Disable/)
      .getByRole("button", { name: "Disable" })
      .click()
    await give("not-the-token-of-anybody")
    await dialog("Changes need a token").getByRole("alert").getByText("the token is not known").waitFor()
    expect(await page.evaluate("sessionStorage.getItem('sonde.token')")).toBe(null)
    await give(adminToken())
    await page.getByRole("row").filter({ hasText: "Disabled" }).waitFor({ timeout: 10_000 })
    expect(page.url()).not.toContain("token")
    // Kept for this tab: no second question.
    await button("Enable").click()
    await button(/^Disable /).waitFor({ timeout: 10_000 })
    expect(complaints.splice(0)).toHaveLength(1)
  })

  it("fetches a bundle for support", async () => {
    await open("/agents")
    await page.getByRole("row").nth(1).click()
    const download = page.waitForEvent("download")
    await button("Support bundle").click()
    await give(adminToken())
    const file = join(downloads, "bundle.gz")
    await (await download).saveAs(file)
    expect(typeof JSON.parse(gunzipSync(readFileSync(file)).toString())).toBe("object")
  })

  it("shows servers, shares and that nothing has to move", async () => {
    await open("/servers")
    const server = page.getByRole("region", { name: "Servers" }).getByRole("row").nth(1)
    await server.getByText("leads").waitFor()
    await visible("Distribution")
    await visible("Nothing has to move.")
    await page.getByRole("region", { name: "Regions" }).getByText("answers").waitFor()
  })

  it("drains a server and takes it back", async () => {
    await open("/servers")
    await button(/^Drain/).click()
    await page.keyboard.press("Escape")
    await dialog(/^Drain/).waitFor({ state: "detached" })
    // The focus is where it was.
    await page.keyboard.press("Enter")
    await dialog(/^Drain/)
      .getByRole("button", { name: "Drain" })
      .click()
    await give(adminToken())
    await visible("draining")
    await button(/^Undrain/).click()
    await page.getByText("draining").first().waitFor({ state: "detached" })
  })

  it("shows the changes in the audit log", async () => {
    await open("/configuration?part=audit")
    const log = page.getByRole("region", { name: "Changes" })
    const change = (name: string) => log.getByRole("row").filter({ hasText: name }).first()
    await change("AgentSet").getByText("done").waitFor()
    await change("ServerDrain").getByText("local").waitFor()
    await page.getByRole("searchbox").fill("AgentSupport")
    await change("ServerDrain").waitFor({ state: "detached" })
    await change("AgentSupport").waitFor()
  })

  it("says what to do when there is no agent, and what a server cannot do", async () => {
    await page.route("**/api/v1/admin/Agents", (route) => route.fulfill({ json: [] }))
    await page.route("**/api/v1/admin/Groups", (route) =>
      route.fulfill({
        status: 503,
        json: { error: { code: "unavailable", message: "this server cannot do that", next: "" } },
      }),
    )
    await open("/agents")
    await visible("No agent has come yet")
    await visible("sonde admin tokens make agent")
    await open("/configuration?part=groups")
    await visible("This server cannot do that.")
    expect(complaints.splice(0).length).toBeGreaterThan(0)
  })

  it("draws few of 10,000 agents and finds any", async () => {
    await answerAdmin(page, new FakeSettings(), 10_000)
    await open("/agents")
    await page.locator("table[aria-rowcount='10001']").waitFor({ timeout: 15_000 })
    expect(await page.getByRole("row").count()).toBeLessThan(80)
    await button(/^Lost/).click()
    await page.locator("table[aria-rowcount='1251']").waitFor()
    await page.getByRole("searchbox").fill("web-09996")
    await page.locator("table[aria-rowcount='2']").waitFor()
    await page.getByRole("row").nth(1).click()
    await page.getByRole("complementary", { name: "Agent" }).getByText("group/front").waitFor()
  })

  it("shows what would move and why", async () => {
    await answerAdmin(page, new FakeSettings())
    await open("/servers")
    const moves = page.getByRole("region", { name: "Planned moves" })
    await moves.getByRole("row").filter({ hasText: "web-00003" }).getByText("above its share").waitFor()
    await visible("no server serves zone eu-z")
    await visible("no answer within 2 s")
  })

  it("changes a layer: checked while typed, compared before it is saved, in stages", async () => {
    const settings = new FakeSettings()
    const region = { layer: "region", name: "-" } as const
    settings.add(region, { flushMs: 200, capture: "packets" }, "token t2", "calmer")
    await answerAdmin(page, settings)
    await open("/configuration?layer=region")
    const field = page.getByLabel("flushMs", { exact: true })
    await field.fill("20")
    await visible("Expected an integer from 50 to 10000.")
    expect(await button("Review and save").isDisabled()).toBe(true)
    await field.fill("250")
    await button("Unset capture").click()
    await button("Review and save").click()
    const save = dialog("Change region")
    for (const line of ["− flushMs: 200", "+ flushMs: 250", '− capture: "packets"'])
      await save.getByText(line).waitFor()
    await save.getByLabel("Why").fill("measured")
    await save.getByLabel("Stages").fill("1, half")
    await save.getByText("found half").waitFor()
    await save.getByLabel("Stages").fill("1, 10%, 100%")
    // Somebody else is first.
    settings.add(region, { flushMs: 300, capture: "packets" }, "anna", "slower")
    await save.getByRole("button", { name: "Save" }).click()
    await give("a-token-for-the-test")
    await save.getByText("anna was first: version 2 is in force").waitFor()
    await button("Make it from version 2").click()
    await save.getByText("− flushMs: 300").waitFor()
    await save.getByRole("button", { name: "Save" }).click()
    await save.waitFor({ state: "detached" })
    expect(settings.changes.map(({ payload }) => payload).at(-1)).toEqual({
      layer: region,
      values: { flushMs: 250, capture: null },
      expected: 2,
      comment: "measured",
      stages: ["1", "10%", "100%"],
    })
    await visible("Version 3")
    expect(await field.inputValue()).toBe("250")
    await button("Set capture").waitFor()
    expect(complaints.splice(0)).toHaveLength(1)
  })

  it("gives the agent a setting, and tells where it comes from", async () => {
    await open("/configuration?layer=region")
    await button("Set flushMs").click()
    await page.getByLabel("flushMs", { exact: true }).fill("321")
    await button("Review and save").click()
    await button("Save").click()
    await give(adminToken())
    await visible("Version 1")
    await open("/agents")
    await page.getByRole("row").nth(1).click()
    const row = page
      .getByRole("complementary", { name: "Agent" })
      .getByRole("row")
      .filter({ hasText: "flushMs" })
    await row.filter({ hasText: "321" }).getByText("region").waitFor({ timeout: 10_000 })
  })

  it("edits plain keys where the schema has none", async () => {
    const settings = new FakeSettings()
    await answerAdmin(page, settings)
    await page.route("**/api/v1/admin/ConfigSchema", (route) => route.fulfill({ json: {} }))
    await open("/configuration")
    await page.getByLabel("Key", { exact: true }).fill("colour")
    await button("Add").click()
    await page.getByLabel("colour", { exact: true }).fill("blue")
    await visible(/Expected JSON/)
    await page.getByLabel("colour", { exact: true }).fill('"blue"')
    await button("Review and save").click()
    await button("Save").click()
    await give("a-token-for-the-test")
    await visible("Version 1")
    expect(settings.changes[0]?.payload["values"]).toEqual({ colour: "blue" })
  })

  it("makes groups and tokens; a token's secret is shown once", async () => {
    const settings = new FakeSettings()
    await answerAdmin(page, settings)
    await open("/configuration?part=groups")
    await button("New group").click()
    await page.getByLabel("Name").fill("back end")
    await visible("1 to 64 letters")
    await page.getByLabel("Name").fill("back")
    await page.getByLabel("Hosts").fill("db-*, queue-*")
    await page.getByLabel("Tags").fill("arch=x64")
    await button("Make the group").click()
    await give("a-token-for-the-test")
    await page
      .getByRole("row")
      .filter({ hasText: "back" })
      .getByText("hosts db-*, queue-*; arch=x64")
      .waitFor()
    await button("Tokens").click()
    await page.getByRole("row").filter({ hasText: "t2" }).getByText("expired").waitFor()
    await button("New token").click()
    await button("Make the token").click()
    await visible("secret-of-t3")
    await page.keyboard.press("Escape")
    await page.getByText("secret-of-t3").waitFor({ state: "detached" })
  })

  it.each(["light", "dark"] as const)("is accessible on every page in %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" })
    const settings = new FakeSettings()
    settings.add({ layer: "region", name: "-" }, { flushMs: 200, capture: "packets" }, "token t2", "calmer")
    settings.add({ layer: "region", name: "-" }, { flushMs: 300 }, "anna", "")
    await answerAdmin(page, settings, 12)
    const check = async (name: string): Promise<void> => {
      await page.waitForTimeout(100)
      expect(await seriousViolations(page), name).toEqual([])
    }
    await open("/agents")
    await page.getByRole("row").nth(1).click()
    await visible("group/front")
    await check("agents")
    await button(/^Disable /).click()
    await dialog(/^Disable/)
      .getByRole("button", { name: "Disable" })
      .waitFor()
    await check("a question")
    await open("/servers")
    await visible("above its share")
    await check("servers")
    await open("/configuration?layer=region")
    await visible("Roll-outs")
    await page.getByLabel("flushMs", { exact: true }).fill("x")
    await button("Set ringMiB").click()
    await check("settings")
    await page.getByLabel("flushMs", { exact: true }).fill("400")
    await button("Review and save").click()
    await check("a change")
    // Tables of the same make: once is enough.
    for (const part of colorScheme === "light" ? ["groups", "packages", "audit"] : []) {
      await open(`/configuration?part=${part}`)
      await page.getByRole("row").nth(1).waitFor()
      await check(part)
    }
    await open("/configuration?part=tokens")
    await button("Give a token").click()
    await dialog("Changes need a token").waitFor()
    await check("the question for a token")
    await give("a-token-for-the-test")
    await page.getByRole("row").nth(1).waitFor()
    await check("tokens")
  })

  it("cuts nothing off on a small screen", async () => {
    await answerAdmin(page, new FakeSettings(), 12)
    await page.setViewportSize({ width: 900, height: 700 })
    for (const path of ["/agents", "/servers", "/configuration"]) {
      await open(path)
      await page
        .getByRole("button", { name: /^(Drain server-0|All|Settings)/ })
        .first()
        .waitFor()
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBe(900)
    }
  })
})
