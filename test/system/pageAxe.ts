// Accessibility of what a page shows now, by axe: the violations that keep people from using it.

import axe, { type AxeResults } from "axe-core"
import type { Page } from "playwright-core"

/** "rule: first element" of each serious or critical violation. */
export const seriousViolations = async (page: Page): Promise<ReadonlyArray<string>> => {
  // As an evaluated text it passes the page's content security policy, which a script element would not.
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate(
    `axe.run(document, { resultTypes: ["violations"] })`,
  )) as AxeResults
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id} (${nodes.length}): ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary}`,
    )
}
