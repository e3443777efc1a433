// Asks a JVM to load an agent, by the interface that HotSpot has for its own tools (jcmd, jattach): a file of a known name and SIGQUIT make it
// listen on a Unix socket in its /tmp, where it takes one command a connection. Everything in that directory may be somebody else's doing: no
// link is followed, names are not guessable, replies are bounded.

import { chmodSync, constants, copyFileSync, fchownSync, lstatSync, mkdtempSync, openSync } from "node:fs"
import { closeSync, readSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { basename, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Jvm, readJvm } from "./jvm.ts"

const listenMs = 10_000
const pollMs = 20
const replyMs = 15_000
const maxReplyBytes = 4_096
const maxResultBytes = 300

/** What keeps a JVM from being asked, or what it answered. */
export class AttachRefused extends Error {}

/** The JVM is not up yet: it listens before it can load anything. */
export class AttachTooEarly extends AttachRefused {}

const isSocket = (path: string): boolean => {
  try {
    return lstatSync(path).isSocket()
  } catch {
    return false
  }
}

/** Path of the socket on which it listens, from now on if it did not before. `tmp`: its temporary directory, held open. */
const listening = async (jvm: Jvm, tmp: string): Promise<string> => {
  const socket = join(tmp, `.java_pid${jvm.ownPid}`)
  if (isSocket(socket)) return socket
  const trigger = join(tmp, `.attach_pid${jvm.ownPid}`)
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  const fd = openSync(trigger, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600)
  try {
    fchownSync(fd, jvm.uid, jvm.gid)
    // As late as may be: the signal ends a process that does not expect it.
    if (readJvm(jvm.pid)?.listensToSignal !== true) throw new AttachRefused("it does not handle SIGQUIT")
    process.kill(jvm.pid, "SIGQUIT")
    for (let waited = 0; waited < listenMs; waited += pollMs) {
      if (isSocket(socket)) return socket
      if (readJvm(jvm.pid) === undefined) throw new AttachRefused("it ended")
      await sleep(pollMs)
    }
    throw new AttachRefused("it did not begin to listen")
  } finally {
    closeSync(fd)
    rmSync(trigger, { force: true })
  }
}

/** Its temporary directory, which stays at hand when the process ends meanwhile. */
const openTmp = (jvm: Jvm): number => {
  try {
    return openSync(jvm.tmp, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (cause) {
    throw new AttachRefused(`its /tmp is no directory: ${(cause as Error).message}`)
  }
}

/** The reply to a command: the first line is 0 when it was carried out. */
const ask = (path: string, words: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(path)
    let reply = ""
    socket.setTimeout(replyMs, () => socket.destroy(new AttachRefused("it did not answer")))
    socket.on("data", (bytes) => {
      reply += bytes.toString("latin1")
      if (reply.length > maxReplyBytes) socket.destroy(new AttachRefused("its answer is too long"))
    })
    socket.once("error", reject)
    socket.once("close", () => resolve(reply))
    // Version of the protocol, command, three arguments.
    socket.write(["1", ...words].map((word) => `${word}\0`).join(""))
  })

const readResult = (path: string): string => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const bytes = Buffer.alloc(maxResultBytes)
    return bytes.toString("utf8", 0, readSync(fd, bytes))
  } finally {
    closeSync(fd)
  }
}

export interface JavaAgentFiles {
  readonly jar: string
  readonly library: string
}

/**
 * Has the JVM begin or stop to lead its TLS through the library. Nothing stays in its /tmp. Throws with the reason when it did not do so, also
 * for what the system refused.
 */
export const askJvm = async (jvm: Jvm, files: JavaAgentFiles, command: "start" | "stop"): Promise<void> => {
  if (jvm.isRefusing) throw new AttachRefused("it was started with DisableAttachMechanism")
  const fd = openTmp(jvm)
  try {
    const tmp = `/proc/self/fd/${fd}`
    await load(await listening(jvm, tmp), tmp, files, command)
  } finally {
    closeSync(fd)
  }
}

const load = async (
  socket: string,
  tmp: string,
  files: JavaAgentFiles,
  command: "start" | "stop",
): Promise<void> => {
  const folder = mkdtempSync(join(tmp, ".sonde-"))
  try {
    chmodSync(folder, 0o755)
    for (const file of [files.jar, files.library]) {
      const copy = join(folder, basename(file))
      copyFileSync(file, copy, constants.COPYFILE_EXCL)
      chmodSync(copy, 0o644)
    }
    const result = join(folder, "result")
    writeFileSync(result, "", { flag: "wx" })
    // The only file that the JVM, whoever it runs as, may write to.
    chmodSync(result, 0o666)
    const seen = join("/tmp", basename(folder))
    const reply = await ask(socket, [
      "load",
      "instrument",
      "false",
      `${join(seen, basename(files.jar))}=${command} ${seen}`,
    ])
    const [status, ...more] = reply.split("\n")
    if (status !== "0") {
      const answered = `it answered ${JSON.stringify(reply.slice(0, 100))}`
      throw status === "-1" ? new AttachTooEarly(answered) : new AttachRefused(answered)
    }
    const outcome = readResult(result)
    if (outcome !== "done") throw new AttachRefused(outcome || more.join(" ").trim() || "it loaded nothing")
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
