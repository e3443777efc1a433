#!/bin/sh
# Brings a checkout into a state in which Sonde runs: system packages, npm packages, kernel programs, addon, console.
# Idempotent: each step looks whether it is needed, so a second run takes a moment. `--dev` adds what the tests need.
set -eu
cd "$(dirname "$0")/.."

dev=no
[ "${1-}" = "--dev" ] && dev=yes
log=build/setup.log
mkdir -p build

if [ -t 2 ]; then dim=$(printf '\033[2m'); bold=$(printf '\033[1m'); red=$(printf '\033[31m'); off=$(printf '\033[0m'); else dim=; bold=; red=; off=; fi
say() { printf '%ssonde setup%s %s\n' "$bold" "$off" "$1" >&2; }
fail() { printf '%ssonde setup: %s%s\n' "$red" "$1" "$off" >&2; exit 1; }

# run NAME COMMAND...: runs quietly into the log, shows time spent while it lasts, and the log's end if it fails.
run() {
  name=$1; shift
  started=$(date +%s)
  "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    [ -t 2 ] && printf '\r%ssonde setup%s %s %s%s s%s ' "$bold" "$off" "$name" "$dim" "$(( $(date +%s) - started ))" "$off" >&2
    sleep 0.2
  done
  if wait "$pid"; then
    if [ -t 2 ]; then printf '\r' >&2; fi
    say "$name ${dim}$(( $(date +%s) - started )) s${off}"
  else
    if [ -t 2 ]; then printf '\n' >&2; fi
    tail -n 25 "$log" >&2
    fail "$name failed; the whole output is in $log"
  fi
}

# stamp FILE COMMAND...: true when FILE holds what COMMAND prints.
stamped() { file=$1; shift; [ -f "$file" ] && [ "$(cat "$file")" = "$("$@")" ]; }

# 1. System packages (Debian names). Only missing ones are asked for.
needed="clang llvm make libbpf-dev libelf-dev zlib1g-dev"
[ "$dev" = yes ] && needed="$needed nginx-light redis-server redis-tools python3 chromium wrk curl bpftool etcd-server faketime tshark
  mariadb-server-core mariadb-client-core postgresql postgresql-client memcached libmemcached-tools mosquitto mosquitto-clients
  haproxy python3-aiohttp python3-psycopg2 python3-redis
  nats-server rabbitmq-server amqp-tools dnsmasq-base bind9-dnsutils slapd ldap-utils iproute2 iperf3 openssl qemu-system-x86 busybox-static
  openjdk-17-jdk-headless"
missing=
for package in $needed; do
  case "$package" in
    nginx-light) dpkg -s nginx-light >/dev/null 2>&1 || dpkg -s nginx >/dev/null 2>&1 || missing="$missing $package" ;;
    *) dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package" ;;
  esac
done
if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    fail "these packages are missing and there is no apt-get:$missing. Install their counterparts and run again."
  fi
  if [ "$(id -u)" != 0 ]; then
    fail "these packages are missing:$missing. Run as root once: apt-get install$missing"
  fi
  : >"$log"
  run "installing system packages:$missing" sh -c \
    "apt-get update -q && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $missing"
fi

# 2. npm packages, exactly as locked; Node 24 is one of them.
lock() { sha256sum package-lock.json | cut -c1-64; }
if ! stamped node_modules/.sonde-lock lock; then
  run "installing npm packages" npm ci --no-audit --no-fund
  lock >node_modules/.sonde-lock
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

# 3. Kernel programs, addon, embedded database launcher.
if ! make -s -q -C bpf >/dev/null 2>&1; then run "building kernel programs" make -s -C bpf; fi
if ! make -s -q -C native >/dev/null 2>&1; then run "building the native addon" make -s -C native; fi

# 4. What JVMs load, for agent.javaTls: only where there is a JDK.
if command -v javac >/dev/null 2>&1; then
  if ! make -s -q -C native/java >/dev/null 2>&1; then run "building the part for Java" make -s -C native/java; fi
fi

# 5. Console.
web() { find web vite.config.ts package-lock.json -type f -not -path '*/test/*' -exec sha256sum {} + | sort | sha256sum | cut -c1-64; }
if [ -f web/index.html ] && ! stamped build/web.stamp web; then
  run "building the console" vite build
  web >build/web.stamp
fi
