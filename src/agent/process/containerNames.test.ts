import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { readContainerNames } from "./containerNames.ts"

const root = mkdtempSync(join(tmpdir(), "sonde-containers-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const [docker, containerd, crio, broken] = ["d", "c", "e", "b"].map((digit) => digit.repeat(64))

describe("readContainerNames", () => {
  it("reads Docker's configuration, and the bundles of containerd and CRI-O", () => {
    write(`var/lib/docker/containers/${docker}/config.v2.json`, `{"Name":"/web-1","ID":"${docker}"}`)
    write(
      `run/containerd/io.containerd.runtime.v2.task/k8s.io/${containerd}/config.json`,
      JSON.stringify({
        annotations: {
          "io.kubernetes.cri.container-name": "nginx",
          "io.kubernetes.cri.sandbox-name": "cart-0",
          "io.kubernetes.cri.sandbox-namespace": "shop",
        },
      }),
    )
    write(
      `run/containers/storage/overlay-containers/${crio}/userdata/config.json`,
      JSON.stringify({
        annotations: {
          "io.kubernetes.container.name": "app",
          "io.kubernetes.pod.name": "pay-1",
          "io.kubernetes.pod.namespace": "bank",
        },
      }),
    )
    expect([docker, containerd, crio].map((id) => readContainerNames(id!, root))).toEqual([
      ["web-1"],
      ["nginx", "shop/cart-0/nginx"],
      ["app", "bank/pay-1/app"],
    ])
  })

  it("knows no name where there is none, or no sense in the file", () => {
    expect(readContainerNames("f".repeat(64), root)).toEqual([])
    for (const text of ["", "{", "null", "[]", `{"Name":7}`, `{"annotations":"x"}`, `{"annotations":{}}`]) {
      write(`var/lib/docker/containers/${broken}/config.v2.json`, text)
      expect(readContainerNames(broken!, root)).toEqual([])
    }
  })
})
