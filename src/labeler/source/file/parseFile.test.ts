import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { csvLines } from "./csvRows.ts"
import { FileFault } from "./FileRow.ts"
import type { FileResources } from "./fileResources.ts"
import { parseFile } from "./parseFile.ts"

const parse = (name: string, content: string | Uint8Array) =>
  parseFile(name, typeof content === "string" ? new TextEncoder().encode(content) : content)

const good = (name: string, content: string): FileResources => {
  const parsed = parse(name, content)
  if (parsed instanceof FileFault) throw parsed
  return parsed
}

const faultOf = (name: string, content: string | Uint8Array): string => {
  const parsed = parse(name, content)
  return parsed instanceof FileFault ? parsed.message : "no fault"
}

const yaml = `
resources:
  - kind: region
    name: eu
  - kind: chost
    uid: db
    name: db-1
    ips: [10.0.0.5, "2001:DB8::1"]
    macs: AA-BB-CC-DD-EE-FF
    parents: {region: eu}
    tags: {owner: alice, version: 1.10, cloud.tag.x: y}
  - kind: chost
    match: ip
    ips: 10.0.0.9
    tags: {owner: bob}
    parents: {biz_service: [shop]}
  - kind: biz_service
    name: shop
    group: sales
    targets: [pod_group/checkout, "chost/machines|4f2a"]
    ports: [tcp/8080, "53", udp/any]
`

const csv = `kind,uid,name,match,ips,macs,parent:region,parent:biz_service,tag:owner,tag:version,tag:cloud.tag.x,group,targets,ports\r
region,,eu,,,,,,,,,,,\r
chost,db,db-1,,10.0.0.5; 2001:DB8::1,AA-BB-CC-DD-EE-FF,eu,,alice,1.10,y,,,\r
\r
chost,,,ip,10.0.0.9,,,shop,bob,,,,,\r
biz_service,,shop,,,,,,,,,sales,pod_group/checkout;chost/machines|4f2a,tcp/8080;53;udp/any\r
`

describe("CMDB files", () => {
  it("say the same in YAML and in CSV", () => {
    const fromYaml = good("a.yaml", yaml)
    expect(good("a.csv", csv)).toEqual(fromYaml)
    expect(good("a.csv", csv.replaceAll("\r", ""))).toEqual(fromYaml)
    expect(fromYaml.records[1]).toMatchObject({
      kind: "chost",
      uid: "db",
      name: "db-1",
      ips: ["10.0.0.5", "2001:db8::1"],
      macs: ["aa:bb:cc:dd:ee:ff"],
      parents: [{ kind: "region", by: "name", value: "eu" }],
      tags: { "biz.owner": "alice", "biz.version": "1.10", "cloud.tag.x": "y" },
    })
    expect(fromYaml.records[2]).toMatchObject({
      tags: { "biz_service.group": "sales" },
      ports: [
        { protocol: 6, port: 8080 },
        { protocol: 6, port: 53 },
        { protocol: 17, port: 0 },
      ],
      targets: [
        { kind: "pod_group", by: "name", value: "checkout" },
        { kind: "chost", by: "uid", domain: "machines", value: "4f2a" },
      ],
    })
    expect(fromYaml.annotations).toEqual([
      {
        target: { kind: "chost", by: "ip", value: "10.0.0.9" },
        parents: [{ kind: "biz_service", by: "name", value: "shop" }],
        tags: { "biz.owner": "bob" },
      },
    ])
  })

  it("are refused with line, key and reason", () => {
    const item = (text: string) =>
      faultOf("a.yaml", `resources:\n  - kind: region\n    name: eu\n  - ${text}\n`)
    expect(item("{kind: region, name: eu}")).toMatch(/^line 4: region "eu" stands there already, in line 2/)
    expect(item("{kind: regoin, name: x}")).toBe('line 4: kind: "regoin" is not known; did you mean region?')
    expect(item("{name: x}")).toMatch(/^line 4: kind is missing; expected one of region, az/)
    expect(item("{kind: gprocess, name: x}")).toMatch(/^line 4: kind: "gprocess" is not known/)
    expect(item("{kind: chost}")).toBe("line 4: name is missing")
    expect(item("{kind: chost, name: x, ip: 1.2.3.4}")).toBe('line 4: "ip" is not known; did you mean ips?')
    expect(item("{kind: chost, name: x, ips: [1.2.3]}")).toBe(
      'line 4: ips: expected an address, found "1.2.3"',
    )
    expect(item("{kind: subnet, name: x, cidrs: [10.0.0.0/33]}")).toMatch(/^line 4: cidrs: expected a range/)
    expect(item("{kind: chost, name: x, ports: [tcp/99999]}")).toMatch(/^line 4: ports: expected tcp\/8080/)
    expect(item("{kind: chost, name: x, match: mac}")).toMatch(/^line 4: match: expected name, ip or uid/)
    expect(item("{kind: chost, name: x, match: ip}")).toBe("line 4: match is ip, but ips is missing")
    expect(item("{kind: chost, name: [x, y]}")).toBe("line 4: name should be one text, not a list")
    expect(item("{kind: biz_service, name: x, targets: [x]}")).toMatch(
      /^line 4: targets: expected KIND\/NAME/,
    )
    expect(item("{kind: pod_group, name: x, type: Deploymint}")).toMatch(/did you mean Deployment\?$/)
    expect(item("{kind: chost, name: x, name: y}")).toMatch(
      /^line 4: key "name" stands there already, in line 4/,
    )
    expect(item("{kind: chost, name: x")).toMatch(/^line \d: /)
    expect(item("{kind: chost, name: *nowhere}")).toMatch(/^line 4: name: nothing is called \*nowhere/)
  })

  it("may use anchors", () => {
    const anchored = `resources:
  - {kind: region, name: &eu eu}
  - {kind: chost, name: a, tags: &tags {owner: x}, parents: {region: *eu}}
  - {kind: chost, name: b, tags: *tags}`
    expect(good("a.yaml", anchored).records[2]).toMatchObject({ name: "b", tags: { "biz.owner": "x" } })
    expect(faultOf("a.yaml", "resources: &a [*a]")).toBe("line 1: each resource should be a map")
  })

  it("are refused when parents form a cycle", () => {
    const cycle = `resources:
  - {kind: az, name: a, parents: {region: r}}
  - {kind: region, name: r, parents: {az: a}}`
    expect(faultOf("a.yaml", cycle)).toMatch(
      /^line 3: region cannot belong to az: parents would form a cycle/,
    )
    expect(faultOf("a.csv", "kind,name,parent:chost\nchost,a,b\nchost,b,a\n")).toMatch(
      /^line 2: chost cannot belong to chost: parents would form a cycle; it may belong to region, az/,
    )
  })

  it("are refused when they are half-written, empty, not UTF-8 or too large", () => {
    for (const end of [csv.length - 40, csv.length - 70]) {
      expect(faultOf("a.csv", csv.slice(0, end))).toMatch(/is the file half-written\?$/)
    }
    expect(faultOf("a.csv", 'kind,name\nchost,"a\nb')).toMatch(
      /^line 2: a quote that opens here is never closed/,
    )
    expect(faultOf("a.csv", "")).toMatch(/^is empty/)
    expect(faultOf("a.yaml", "")).toMatch(/^is empty/)
    expect(faultOf("a.yaml", "hosts: []")).toBe(
      'line 1: "hosts" is not known here; a file has `resources` only',
    )
    expect(faultOf("a.yaml", "- a")).toBe("line 1: the file should be a map")
    expect(faultOf("a.csv", Uint8Array.of(0x61, 0x0a, 0x62, 0x0a, 0xff))).toMatch(/^line 3: is not UTF-8/)
    const megabyte = "x".repeat(1_000_000)
    expect(faultOf("a.csv", `kind,name,tag:a\nchost,a,${megabyte}\n`)).toBe(
      'line 2: tag "a" is 1000000 characters long, at most 1024 are allowed',
    )
    const tags = Array.from({ length: 100_000 }, (_, i) => `      t${i}: v`).join("\n")
    expect(faultOf("a.yaml", `resources:\n  - kind: chost\n    name: a\n    tags:\n${tags}\n`)).toBe(
      "line 2: has 100000 tags, at most 512 are allowed",
    )
  })

  it("never throw, whatever is in them", () => {
    const start = fc.constantFrom("", "resources:\n  - ", "kind,name,tag:a\n", yaml, csv)
    fc.assert(
      fc.property(
        start,
        fc.string({ unit: "binary-ascii", maxLength: 60 }),
        fc.nat(400),
        (text, noise, at) => {
          const mixed = text.slice(0, at) + noise + text.slice(at)
          parse("a.yaml", mixed)
          parse("a.csv", mixed)
        },
      ),
      { numRuns: 500 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parse("a.csv", bytes)))
  })

  it("read every CSV that a writer after RFC 4180 writes", () => {
    const field = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r\n", " ", ";"), maxLength: 8 })
    const quoted = (text: string) =>
      text === "" || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 }),
        fc.constantFrom("\n", "\r\n"),
        (lines, end) => {
          const read = csvLines(lines.map((fields) => fields.map(quoted).join(",") + end).join(""))
          if (read instanceof FileFault) throw read
          expect(read.map(({ fields }) => fields)).toEqual(lines)
        },
      ),
    )
  })
})
