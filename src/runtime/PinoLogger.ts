// pino behind Effect's Logger: code logs through Effect only, pino formats and writes to standard error.

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { LogLevel } from "effect/LogLevel"
import { type DestinationStream, destination, pino, stdTimeFunctions } from "pino"
import { styleText } from "node:util"
import type { SondeConfig } from "./configSchema.ts"

const pinoLevels: Partial<Record<LogLevel, "fatal" | "error" | "warn" | "info" | "debug" | "trace">> = {
  Fatal: "fatal",
  Error: "error",
  Warn: "warn",
  Info: "info",
  Debug: "debug",
  Trace: "trace",
}

const minimumLevels = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

const text = (value: unknown): string =>
  typeof value === "string" ? value : value instanceof Error ? value.message : JSON.stringify(value)

/** Turns pino's JSON lines into lines for people: time, level, message, fields. */
const prettyStream = (write: (line: string) => void): DestinationStream => ({
  write: (line) => {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
    const mark =
      level === "error" || level === "fatal"
        ? styleText("red", "error")
        : level === "warn"
          ? styleText("yellow", "warn ")
          : level === "debug"
            ? styleText("dim", "debug")
            : styleText("cyan", "info ")
    const rest = Object.entries(fields)
      .map(([key, value]) => styleText("dim", `${key}=${text(value)}`))
      .join(" ")
    write(
      `${styleText("dim", String(time).slice(11, 23))} ${mark} ${String(msg)}${rest === "" ? "" : ` ${rest}`}\n`,
    )
  },
})

/** Replaces Effect's default logger. Lines are buffered up to 4 KiB or 200 ms and flushed when the scope closes. */
export const loggerLayer = (config: SondeConfig["log"]): Layer.Layer<never> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const pretty = config.format === "pretty" || (config.format === "auto" && process.stderr.isTTY)
      const file = destination({ dest: 2, sync: false, minLength: 4096, periodicFlush: 200 })
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          // The descriptor opens on the next tick; before that there is nothing to flush.
          try {
            file.flushSync()
          } catch {}
        }),
      )
      const sink = pino(
        {
          level: "trace",
          base: null,
          timestamp: stdTimeFunctions.isoTime,
          formatters: { level: (label) => ({ level: label }) },
        },
        pretty ? prettyStream((line) => process.stderr.write(line)) : file,
      )
      const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
        const level = pinoLevels[logLevel]
        if (level === undefined) return
        const fields: Record<string, unknown> = { ...fiber.getRef(References.CurrentLogAnnotations) }
        if (cause.reasons.length > 0) fields["cause"] = Cause.pretty(cause)
        const parts = Array.isArray(message) ? message : [message]
        const words: Array<string> = []
        for (const part of parts) {
          if (typeof part === "object" && part !== null && !(part instanceof Error))
            Object.assign(fields, part)
          else words.push(text(part))
        }
        sink[level](fields, words.join(" "))
      })
      return Layer.merge(
        Logger.layer([logger]),
        Layer.succeed(References.MinimumLogLevel, minimumLevels[config.level]),
      )
    }),
  )
