import { defineConfig } from "vitest/config"

// Unit tests beside the sources; `test/system` starts real processes and runs one file at a time.
// Both wait for real engines, programs and kernels on machines that others use too: what fails is tried again, and told.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "src/**/*.test.ts",
            "web/src/**/*.test.{ts,tsx}",
            "test/golden/**/*.test.ts",
            "test/fuzz/**/*.test.ts",
          ],
          pool: "forks",
          maxWorkers: 2,
          // Some start a real engine, on a machine that may be busy.
          testTimeout: 30_000,
          retry: 1,
        },
      },
      {
        test: {
          name: "system",
          // Other agents may run on this machine.
          env: { SONDE_AGENT_BESIDE_ANOTHER: "capture" },
          include: ["system", "chaos", "kernel", "differential", "kernels", "truth"].map(
            (folder) => `test/${folder}/**/*.test.ts`,
          ),
          pool: "forks",
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          retry: 2,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
