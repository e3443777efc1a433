import { mosquitto } from "../../system/support/servers.ts"
import type { Peer } from "../Peer.ts"
import { run } from "../run.ts"

const types: Readonly<Record<string, string>> = {
  1: "Connect",
  2: "Connack",
  3: "Publish",
  4: "Puback",
  5: "Pubrec",
  6: "Pubrel",
  7: "Pubcomp",
  8: "Subscribe",
  9: "Suback",
  10: "Unsubscribe",
  11: "Unsuback",
  12: "Pingreq",
  13: "Pingresp",
  14: "Disconnect",
}

export const mqtt: Peer = {
  name: "mqtt",
  programs: ["/usr/sbin/mosquitto", "mosquitto_pub", "mosquitto_sub"],
  transport: "tcp",
  start: mosquitto,
  drive: (port) => {
    const at = ["-h", "127.0.0.1", "-p", `${port}`]
    for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
      const to = [...at, "-V", version]
      run("mosquitto_pub", [...to, "-t", `open/${version}/1`, "-m", "hello", "-r"])
      run("mosquitto_pub", [...to, "-t", `open/${version}/2`, "-m", "once", "-q", "1"])
      run("mosquitto_pub", [...to, "-t", `open/${version}/3`, "-m", "twice", "-q", "2"])
      run("mosquitto_sub", [...to, "-t", "open/#", "-C", "1", "-W", "5"], { mayFail: true })
    }
  },
  dissector: "mqtt",
  fields: ["mqtt.msgtype", "mqtt.topic"],
  theirs: (packets, port) => {
    const toServer: Array<string> = []
    const toClient: Array<string> = []
    for (const packet of packets) {
      const side = packet["dstport"]!.includes(`${port}`) ? toServer : toClient
      let topics = 0
      for (const type of packet["mqtt.msgtype"]!) {
        const name = types[type] ?? type
        side.push(
          name === "Publish" || name === "Subscribe" ? `${name} ${packet["mqtt.topic"]![topics++]}` : name,
        )
      }
    }
    return { requests: toServer, responses: toClient }
  },
  ours: (message) =>
    `${message["request_type"]}${message["request_resource"] === undefined ? "" : ` ${message["request_resource"]}`}`,
}
