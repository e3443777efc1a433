import { describe, expect, it } from "vitest"
import { rustlsMethod } from "./rustls.ts"

describe("rustlsMethod", () => {
  it("knows methods by both ways in which names are mangled", () => {
    expect(
      [
        "_ZN6rustls12common_state11CommonState16buffer_plaintext17h458560d6bc730dd6E",
        "_ZN6rustls4conn11CommonState19send_some_plaintext17h00aa458560d6bc73E",
        "_ZN141_$LT$rustls..client..tls13..ExpectTraffic$u20$as$u20$rustls..common_state..State$LT$rustls..client..client_conn..ClientConnectionData$GT$$GT$6handle17h482baf1526566bb9E.llvm.123",
        "_RNvMNtCs1a2b3c_6rustls12common_stateNtB2_11CommonState8send_msg",
        "_RNvMs_NtCs1a2b3c_6rustls12common_stateNtB4_11CommonState16buffer_plaintextCs9z_4main",
        "_RNvXs4_NtNtCs2D_6rustls6server5tls12NtB5_13ExpectTrafficINtNtB9_4conn5StateNtNtB7_11server_conn20ServerConnectionDataE6handleB9_",
      ].map(rustlsMethod),
    ).toEqual([
      { module: "common_state", method: "buffer_plaintext" },
      { module: "conn", method: "send_some_plaintext" },
      { module: "common_state", method: "handle" },
      { module: "common_state", method: "send_msg" },
      { module: "common_state", method: "buffer_plaintext" },
      { module: "conn", method: "handle" },
    ])
  })

  it("takes no other function for one of them", () => {
    for (const name of [
      "_ZN6rustls4conn25ConnectionCommon$LT$Data$GT$19send_some_plaintext17h458560d6bc730dd6E",
      "_ZN6rustls6server11server_conn14EarlyDataState23take_received_plaintext17h458560d6bc730dd6E",
      "_ZN141_$LT$rustls..client..tls13..ExpectFinished$u20$as$u20$rustls..common_state..State$LT$rustls..client..client_conn..ClientConnectionData$GT$$GT$6handle17h482baf1526566bb9E",
      "_ZN6rustls12common_state11CommonState17send_single_alert17h458560d6bc730dd6E",
      "_ZN6others12common_state11CommonState16buffer_plaintext17h458560d6bc730dd6E",
      // Takes other parameters than in 0.20.
      "_ZN6rustls12common_state11CommonState20send_appdata_encrypt17h458560d6bc730dd6E",
      "SSL_read",
      "",
    ])
      expect(rustlsMethod(name)).toBe(undefined)
  })
})
