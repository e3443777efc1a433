// The actor of one attached agent: a mailbox, a fiber, and the state that only this fiber changes. It holds nothing that the store
// and the agent's hello cannot give again: when it fails, it begins anew and tells the agent everything once more.

import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { changesBetween } from "../../runtime/agentValues.ts"
import type { Revision } from "../../runtime/coordination/Coordination.ts"
import {
  type AgentHello,
  AgentRefused,
  type Directive,
  type Elsewhere,
  type Report,
  type ServerAddress,
} from "../../wire/control/AgentRpc.ts"
import type { Permission } from "./AgentRecord.ts"

export type SessionMessage =
  | { readonly kind: "report"; readonly report: Report }
  /** Something that concerns the agent may have changed: permission, place, configuration, packages. */
  | { readonly kind: "refresh" }
  | { readonly kind: "ask"; readonly id: string }

export interface WantedConfig {
  /** 0: the server sets nothing. */
  readonly version: number
  readonly digest: string
  readonly values: Readonly<Record<string, unknown>>
}

export type PackageOffer = Extract<Directive, { readonly _tag: "Package" }>

/** The agent's claim in the store: by which it is released, and the lease that it stands under. */
export interface SessionClaim {
  readonly revision: Revision
  readonly lease: string
}

/** What an actor asks of its surroundings; all answers are at hand, in this process. */
export interface SessionSurroundings {
  readonly self: ServerAddress
  /** Living servers, for agents to try when this one is gone. */
  readonly servers: () => ReadonlyArray<ServerAddress>
  readonly permission: (agent: string) => Permission
  readonly group: (hello: AgentHello) => string
  /** Where the agent belongs; undefined: not known just now, so it stays. */
  readonly place: (agent: string) => ServerAddress | undefined
  readonly config: (hello: AgentHello) => WantedConfig
  /** Undefined: nobody ever said which. */
  readonly packages: (
    hello: AgentHello,
  ) => { readonly names: ReadonlyArray<string>; readonly offers: ReadonlyArray<PackageOffer> } | undefined
  /** Where the agent may be a guest; undefined: nowhere. */
  readonly elsewhere?: (hello: AgentHello) => Elsewhere | undefined
  readonly reported: (agent: string, report: Report, nowMs: number) => void
}

/** Messages that may wait; an agent that sends more is not served. */
export const mailboxMost = 64
const directivesMost = 128
/** Protocol of agents that can be told which packages are wanted in all. */
const packagesSince = 2
/** How long an agent that was told to move may stay. */
const moveMs = 30_000

const refused = (reason: AgentRefused["reason"], message: string, retryAfterMs = 0) =>
  new AgentRefused({ reason, message, retryAfterMs })

export class AgentSession {
  readonly hello: AgentHello
  readonly remote: string
  readonly attachedMs: number
  claim: SessionClaim
  readonly mailbox: Queue.Queue<SessionMessage>
  readonly directives: Queue.Queue<Directive, AgentRefused | Cause.Done>
  /** The latest; undefined until the first. */
  report: Report | undefined
  reportedMs = 0
  permission: Permission = "allowed"
  group = ""
  wanted: WantedConfig = { version: 0, digest: "", values: {} }
  movingTo = ""
  private movingSinceMs = 0
  private sent: WantedConfig | undefined
  /** What was offered last, by the package's name. */
  private readonly offered = new Map<string, string>()
  private toldNames = ""
  private isAssigned = false
  private toldElsewhere: string | undefined
  private toldWait = ""
  private isRefreshing = false

  private constructor(
    hello: AgentHello,
    remote: string,
    attachedMs: number,
    claim: SessionClaim,
    mailbox: Queue.Queue<SessionMessage>,
    directives: Queue.Queue<Directive, AgentRefused | Cause.Done>,
  ) {
    this.hello = hello
    this.remote = remote
    this.attachedMs = attachedMs
    this.claim = claim
    this.mailbox = mailbox
    this.directives = directives
  }

  static readonly make = Effect.fnUntraced(function* (
    hello: AgentHello,
    remote: string,
    claim: SessionClaim,
  ) {
    const mailbox = yield* Queue.bounded<SessionMessage>(mailboxMost)
    const directives = yield* Queue.bounded<Directive, AgentRefused | Cause.Done>(directivesMost)
    return new AgentSession(hello, remote, yield* Clock.currentTimeMillis, claim, mailbox, directives)
  })

  /** Never waits; false when the mailbox is full. */
  tell(message: SessionMessage): boolean {
    if (message.kind === "refresh") {
      // One that waits says as much as many.
      if (this.isRefreshing) return true
      this.isRefreshing = true
    }
    return Queue.offerUnsafe(this.mailbox, message)
  }

  /** Ends the agent's stream with the reason. */
  end(reason: AgentRefused["reason"], message: string, retryAfterMs = 0): void {
    Queue.failCauseUnsafe(this.directives, Cause.fail(refused(reason, message, retryAfterMs)))
  }

  /** Does what the mailbox says until it is interrupted. */
  run(surroundings: SessionSurroundings): Effect.Effect<never, AgentRefused> {
    return Effect.suspend(() => {
      this.sent = undefined
      this.isAssigned = false
      this.toldWait = ""
      this.offered.clear()
      this.toldNames = ""
      this.isRefreshing = false
      return Effect.andThen(this.refresh(surroundings), this.serve(surroundings))
    })
  }

  private serve(surroundings: SessionSurroundings): Effect.Effect<never, AgentRefused> {
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const message = yield* Queue.take(this.mailbox)
        switch (message.kind) {
          case "report":
            this.report = message.report
            this.reportedMs = yield* Clock.currentTimeMillis
            surroundings.reported(this.hello.agent, message.report, this.reportedMs)
            if (this.movingTo !== "" && this.reportedMs - this.movingSinceMs > moveMs)
              return yield* refused("superseded", `the agent belongs to server ${this.movingTo}`, 100)
            break
          case "refresh":
            this.isRefreshing = false
            yield* this.refresh(surroundings)
            break
          case "ask":
            yield* this.direct({ _tag: "Ask", id: message.id, what: "support" })
        }
      }
    })
  }

  private direct(directive: Directive): Effect.Effect<void, AgentRefused> {
    return Queue.offerUnsafe(this.directives, directive)
      ? Effect.void
      : Effect.fail(refused("flood", "the agent does not read what it is told", 1_000))
  }

  private refresh(surroundings: SessionSurroundings): Effect.Effect<void, AgentRefused> {
    return Effect.gen({ self: this }, function* () {
      const { agent } = this.hello
      this.permission = surroundings.permission(agent)
      this.group = surroundings.group(this.hello)
      if (this.permission !== "allowed") {
        if (this.toldWait === this.permission) return
        this.toldWait = this.permission
        this.isAssigned = false
        const reason =
          this.permission === "pending"
            ? `waits for approval: sonde admin agents approve ${agent}`
            : "disabled by an administrator"
        return yield* this.direct({ _tag: "Wait", state: this.permission, reason })
      }
      this.toldWait = ""
      const place = surroundings.place(agent)
      if (place !== undefined && place.id !== surroundings.self.id) {
        if (this.movingTo === place.id) return
        this.movingTo = place.id
        this.movingSinceMs = yield* Clock.currentTimeMillis
        return yield* this.direct({ _tag: "Move", server: place, reason: "rebalanced" })
      }
      this.movingTo = ""
      const elsewhere = surroundings.elsewhere?.(this.hello)
      if (!this.isAssigned || JSON.stringify(elsewhere) !== this.toldElsewhere) {
        this.isAssigned = true
        this.toldElsewhere = JSON.stringify(elsewhere)
        yield* this.direct({
          _tag: "Assigned",
          server: surroundings.self,
          servers: surroundings.servers().slice(0, 256),
          group: this.group,
          ...(elsewhere === undefined ? {} : { elsewhere }),
        })
      }
      yield* this.configure(surroundings.config(this.hello))
      yield* this.offer(surroundings.packages(this.hello))
    })
  }

  private offer(wanted: ReturnType<SessionSurroundings["packages"]>): Effect.Effect<void, AgentRefused> {
    return Effect.gen({ self: this }, function* () {
      if (wanted === undefined) return
      const names = JSON.stringify(wanted.names)
      if (names !== this.toldNames && this.hello.protocol >= packagesSince) {
        this.toldNames = names
        yield* this.direct({ _tag: "Packages", names: wanted.names })
      }
      for (const name of this.offered.keys()) if (!wanted.names.includes(name)) this.offered.delete(name)
      for (const offer of wanted.offers) {
        const wish = `${offer.digest} ${offer.order}`
        if (this.offered.get(offer.name) === wish) continue
        this.offered.set(offer.name, wish)
        yield* this.direct(offer)
      }
    })
  }

  /** Tells what differs from what was told before; the whole when nothing was, unless the agent runs with it already. */
  private configure(wanted: WantedConfig): Effect.Effect<void, AgentRefused> {
    this.wanted = wanted
    const { sent } = this
    this.sent = wanted
    if (sent === undefined) {
      if (wanted.digest === this.hello.configDigest) return Effect.void
      return this.direct({
        _tag: "Config",
        version: wanted.version,
        digest: wanted.digest,
        base: 0,
        values: wanted.values,
      })
    }
    if (sent.digest === wanted.digest) return Effect.void
    return this.direct({
      _tag: "Config",
      version: wanted.version,
      digest: wanted.digest,
      base: sent.version,
      values: changesBetween(sent.values, wanted.values),
    })
  }
}
