// For tests: endpoints and connections as the capture would open them.

import { SignalSource } from "../../model/observation.ts"
import { IpProtocol } from "../../model/protocol.ts"
import type { CallSite } from "./CallSite.ts"
import { type ConnectionInit, Side } from "./Connection.ts"
import { type Endpoint, makeEndpoint } from "./Endpoint.ts"
import { FlowAccount } from "./FlowAccount.ts"

export const endpoint = (lastByte: number, port: number, processId = 0, service = ""): Endpoint => {
  const end = makeEndpoint(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, lastByte), 0, port)
  end.processId = processId
  end.service = service
  end.processName = service
  return end
}

/** System calls of the local process 100 ("local", 10.0.0.1:40000) on a connection with 10.0.0.2:80. */
export const systemCalls = (client: Side = Side.unknown, service = "local"): ConnectionInit => ({
  a: endpoint(1, 40_000, 100, service),
  b: endpoint(2, 80),
  observed: Side.a,
  client,
  signalSource: SignalSource.ebpf,
  isTls: false,
  account: new FlowAccount(IpProtocol.tcp, SignalSource.ebpf, 255, 0),
})

/** A system call of this thread. */
export const byThread = (thread: number): CallSite => ({ thread, coroutine: 0, number: 0 })
