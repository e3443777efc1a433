// How the console is built: `web/` to `build/web/`, with a limit on what a browser loads first. `vite` alone serves it for
// development and passes questions on to a running server.

import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"
import { firstLoadLimit } from "./web/size.ts"

const server = "http://127.0.0.1:20416"
/** The server takes only requests whose Host and Origin are its own. */
const proxy = {
  target: server,
  changeOrigin: true,
  headers: { origin: server },
}

export default defineConfig({
  root: "web",
  base: "/",
  plugins: [react(), firstLoadLimit()],
  build: {
    outDir: "../build/web",
    emptyOutDir: true,
    target: ["chrome123", "firefox125", "safari17.5"],
    modulePreload: { polyfill: false },
    // An inlined asset would be a data: URL, which the server's content security policy refuses for scripts.
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  server: { proxy: { "/v1": proxy, "/api": proxy, "/healthz": proxy, "/metrics": proxy } },
})
