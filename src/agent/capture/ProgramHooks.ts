// What is hooked beside system calls, process by process: functions of TLS libraries and of Python's asyncio, Java's TLS, and who wakes
// whom. Kept apart from the calls, because each can be had or not, and is given up near the budget.

import { basename } from "node:path"
import type { Feature } from "../../model/AgentStatus.ts"
import { HandOverHooks, handOversCompat, handOversFeatureName, handOversOff } from "./HandOverHooks.ts"
import type { Reason } from "./native/privileges.ts"
import type { SocketTracer } from "./native/SocketTracer.ts"
import { LibraryProbes, type ProbeKind } from "./probes/LibraryProbes.ts"
import { taskKind, tasksCompat, tasksOff } from "./python/taskKind.ts"
import type { SourceContext } from "./Source.ts"
import { JavaTls, javaTlsOff } from "./tls/java/JavaTls.ts"
import { tlsCompat, tlsKind, tlsOff } from "./tls/tlsKind.ts"

const tlsUnwanted = tlsOff({
  missing: "agent.tls is off: requests over TLS are not seen",
  next: "set agent.tls to true",
})

const tasksUnwanted = tasksOff({
  missing: "agent.asyncio is off: calls of an event loop's Tasks are told apart by their order alone",
  next: "set agent.asyncio to true",
})

const handOversUnwanted = handOversOff({
  missing:
    "agent.handOvers is off: calls that one thread makes for a request of another are not joined with it",
  next: "set agent.handOvers to true",
})

export class ProgramHooks {
  readonly #context: SourceContext
  readonly #tasks: ProbeKind
  readonly #library: LibraryProbes
  /** Null: nobody tells who wakes whom. */
  readonly #handOvers: HandOverHooks | null
  readonly #isCompat: boolean
  /** Why there are none; undefined: there may be. */
  readonly #off: Reason | undefined
  #closing = Promise.resolve()

  /** `off`: why the bytes of connections are not read; undefined: they are. */
  constructor(context: SourceContext, tracer: SocketTracer, off: Reason | undefined) {
    const { log, options, pipeline } = context
    const { agent } = options
    this.#context = context
    this.#off = off
    this.#isCompat = tracer.hook === "compat"
    this.#tasks = taskKind((follows) => tracer.followTasks(follows))
    this.#library = new LibraryProbes({ target: tracer, isForbidden: (pid) => this.#isForbidden(pid), log })
    this.#handOvers = this.#areHad && agent.handOvers ? new HandOverHooks(tracer) : null
    pipeline.causality.lanes.handOvers.watcher = this.#handOvers
    if (this.#areHad && agent.asyncio) this.#library.add(this.#tasks)
  }

  get #areHad(): boolean {
    return this.#off === undefined && !this.#isCompat
  }

  /** What attaches to the files that processes map; undefined: nothing does. */
  get probes(): LibraryProbes | undefined {
    return this.#areHad ? this.#library : undefined
  }

  #isForbidden(pid: number): boolean {
    const { exclusions, options, processes } = this.#context
    const info = exclusions.has(pid) ? undefined : processes.get(pid)?.info
    const { tlsExcludePrograms } = options.agent
    return (
      info === undefined ||
      tlsExcludePrograms.includes(info.comm) ||
      tlsExcludePrograms.includes(basename(info.exe))
    )
  }

  /** TLS begins when it is registered as what can be given up. */
  register(): void {
    if (!this.#areHad || !this.#context.options.agent.tls) return
    this.#context.shedding.register({
      step: "tls",
      features: [tlsKind.feature, handOversFeatureName],
      what: "no plaintext of TLS, no work handed over",
      shed: () => this.#shed(),
      restore: () => this.#restore(),
    })
  }

  #shed(): void {
    const { java } = this.#library
    this.#library.java = undefined
    if (java !== undefined) this.#closing = Promise.all([this.#closing, java.close()]).then(() => undefined)
    this.#library.drop(tlsKind)
    this.#context.pipeline.causality.lanes.handOvers.stop()
  }

  #restore(): void {
    const { log, options, pipeline } = this.#context
    pipeline.causality.lanes.handOvers.watcher = this.#handOvers
    if (options.agent.javaTls)
      this.#library.java ??= new JavaTls({ isForbidden: (pid) => this.#isForbidden(pid), log })
    this.#library.add(tlsKind)
  }

  /** `shed`: why what is wanted and can be had is not there now. */
  features(shed: Reason): ReadonlyArray<Feature> {
    const { asyncio, handOvers, tls } = this.#context.options.agent
    const off = this.#off ?? shed
    const noTls = this.#isCompat ? tlsCompat : tls ? tlsOff(off) : tlsUnwanted
    const noTasks = this.#isCompat ? tasksCompat : asyncio ? tasksOff(off) : tasksUnwanted
    const noHandOvers = this.#isCompat ? handOversCompat : handOvers ? handOversOff(off) : handOversUnwanted
    const { watcher } = this.#context.pipeline.causality.lanes.handOvers
    const ofTls = this.#library.feature(tlsKind)
    return [
      ...(ofTls === undefined ? [noTls] : [ofTls, this.#library.java?.feature ?? javaTlsOff]),
      this.#library.feature(this.#tasks) ?? noTasks,
      (watcher === null ? undefined : this.#handOvers?.feature) ?? noHandOvers,
    ]
  }

  async close(): Promise<void> {
    await this.#closing
    await this.#library.close()
    this.#context.pipeline.causality.lanes.handOvers.stop()
    await this.#handOvers?.close()
  }
}
