#!/bin/sh
# Everything that must hold before a change lands: types, lint, format, unit tests, then tests with real processes.
# Arguments go to vitest: `npm test -- src/wire` runs the tests below a folder only.
set -eu
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
  exec vitest run "$@"
fi

step() { printf '\n== %s\n' "$1"; }
step "types";  npm run --silent typecheck
step "lint";   npm run --silent lint
step "format"; npm run --silent format:check
step "docs";   node scripts/docs.ts --check
step "tests";  vitest run
