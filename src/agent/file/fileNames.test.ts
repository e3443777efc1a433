import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { FileType } from "../../model/events.ts"
import { fileEventBytes } from "./fileEvents.testing.ts"
import { fileTypeOf, nulTexts, readPlace } from "./fileNames.ts"

const placeOf = (...args: Parameters<typeof fileEventBytes>) => {
  const bytes = fileEventBytes(...args)
  return readPlace(bytes, new DataView(bytes.buffer), 0, bytes.length)
}

describe("the place of a file", () => {
  it("is put together from the names, and cut at the mount", () => {
    const place = placeOf({ names: ["file.bin", "deep", "data"], namesInMount: 2, source: "/dev/sdb1" })
    assert.deepInclude(place, {
      dir: "/data/deep",
      name: "file.bin",
      mountPoint: "/data",
      mountSource: "/dev/sdb1",
      type: FileType.regular,
    })
  })

  it("in the root of the root has directory and mount /", () => {
    assert.deepInclude(placeOf({ names: ["a"] }), { dir: "/", name: "a", mountPoint: "/" })
  })

  it("says when names at the root's end are missing, and then not where it is mounted", () => {
    assert.deepInclude(placeOf({ names: ["z", "y"], isWhole: false }), {
      dir: "…/y",
      name: "z",
      mountPoint: "",
    })
    assert.deepInclude(placeOf({ names: ["z", "y"], isWhole: false, namesInMount: 1, crossedMount: true }), {
      mountPoint: "…/y",
    })
  })

  it("is unknown without names", () => {
    assert.deepInclude(placeOf({ names: [] }), { dir: "", name: "" })
  })

  it("tells files of other hosts and of the kernel apart", () => {
    const types = ["ext4", "overlay", "nfs4", "fuse.sshfs", "fuse", "proc", "tmpfs"].map(fileTypeOf)
    const { network, regular, virtual } = FileType
    assert.deepStrictEqual(types, [regular, regular, network, network, regular, virtual, virtual])
  })

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 200, maxLength: 800 }), (noise) => {
        const bytes = noise.slice()
        assert.isString(readPlace(bytes, new DataView(bytes.buffer), 0, bytes.length).dir)
      }),
    )
  })

  it("texts end with NUL, also empty ones; what is cut is none", () => {
    assert.deepStrictEqual(nulTexts(Buffer.from("a\0\0bc\0de"), 0, 8), ["a", "", "bc"])
  })
})
