// What agents run with and who may say so: layers of settings, groups, packages, tokens, and the log of all changes.

import { setParams, usePlace } from "../../app/location.ts"
import { Segmented } from "../../parts/Segmented.tsx"
import { TokenDialog } from "../../parts/TokenDialog.tsx"
import { AuditPart } from "./AuditPart.tsx"
import { GroupsPart } from "./GroupsPart.tsx"
import { LayersPart } from "./LayersPart.tsx"
import { PackagesPart } from "./PackagesPart.tsx"
import { TokensPart } from "./TokensPart.tsx"
import "../../style/admin.css"
import "./configuration.css"

const parts = [
  ["", "Settings"],
  ["groups", "Groups"],
  ["packages", "Packages"],
  ["tokens", "Tokens"],
  ["audit", "Audit log"],
] as const

const Part = ({ name, params }: { readonly name: string; readonly params: URLSearchParams }) => {
  switch (name) {
    case "groups":
      return <GroupsPart params={params} />
    case "packages":
      return <PackagesPart />
    case "tokens":
      return <TokensPart />
    case "audit":
      return <AuditPart params={params} />
    default:
      return <LayersPart params={params} />
  }
}

export const ConfigurationPage = () => {
  const { params } = usePlace()
  const part = params.get("part") ?? ""
  return (
    <div className="admin-page">
      <div className="configuration-head">
        <h1>Configuration</h1>
        <Segmented
          name="Part"
          value={part}
          choices={parts}
          onChange={(next) => setParams({ part: next, q: "" })}
        />
      </div>
      <Part name={part} params={params} />
      <TokenDialog />
    </div>
  )
}
