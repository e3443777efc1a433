import { describe, expect, it } from "vitest"
import { serviceName } from "./serviceName.ts"

describe("serviceName", () => {
  it.each([
    ["nginx", ["nginx: worker process"], "nginx"],
    ["nginx", ["nginx: master process /usr/sbin/nginx"], "nginx"],
    ["redis-server", ["redis-server 127.0.0.1:6379"], "redis-server"],
    ["python3", ["python3", "-m", "http.server", "8000"], "http.server"],
    ["python3", ["/usr/bin/python3", "-X", "dev", "/srv/billing/app.py"], "billing"],
    ["python3", ["python3", "-c", "print(1)"], "python3"],
    ["node", ["node", "--require", "./x.js", "/srv/shop/dist/server.js"], "shop"],
    ["node", ["node", "worker.mjs"], "worker"],
    ["node", ["node", "/srv/ledger/src/cli/main.ts", "up"], "ledger"],
    ["bash", ["bash", "/dev/fd/3"], "bash"],
    ["java", ["java", "-Xmx1g", "-jar", "/opt/orders-1.2.jar"], "orders-1.2"],
    ["java", ["/usr/bin/java", "-cp", "a:b", "org.example.Main"], "Main"],
    ["postgres", ["postgres: 15/main: checkpointer"], "postgres"],
    ["curl", ["curl", "http://127.0.0.1/"], "curl"],
    ["kworker", [], "kworker"],
    ["", [], "unknown"],
  ])("%s %j is %s", (comm, args, expected) => {
    expect(serviceName(comm, args)).toBe(expected)
  })
})
