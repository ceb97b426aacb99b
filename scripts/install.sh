#!/usr/bin/env bash
# Installs what a make target needs and this machine lacks, saying what and why: scripts/install.sh TARGET
# Nothing is touched when everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?usage: scripts/install.sh dev|run|unit|journeys|shots|bench}
packages=()

have() { command -v "$1" >/dev/null 2>&1; }

# want PACKAGE WHY TEST…: notes a Debian package as missing when the test fails.
want() {
  local package=$1 why=$2
  shift 2
  "$@" >/dev/null 2>&1 && return
  echo "Missing: $package ($why)"
  packages+=("$package")
}

has_initdb() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

has_nats() { have nats-server || test -x /usr/sbin/nats-server; }
has_pip() { python3 -m pip --version; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The tests start their own databases and brokers: those of the packages stay off, or they would take the ports.
install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  have apt-get || { echo "Please install: ${packages[*]} (there is no apt-get here)"; exit 1; }
  local guard=/usr/sbin/policy-rc.d guarded=no
  if [ ! -e "$guard" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
    as_root chmod +x "$guard"
    guarded=yes
  fi
  local outcome=0
  as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" || outcome=$?
  [ $guarded = no ] || as_root rm -f "$guard"
  [ $outcome = 0 ] || exit $outcome
  if [ -d /run/systemd/system ]; then
    for service in postgresql mosquitto nats-server; do
      case " ${packages[*]} " in *" $service "*) as_root systemctl disable --now "$service" ;; esac
    done
  fi
}

need_node() {
  if ! have npm || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
    echo "Node 20 or newer is needed: https://nodejs.org/en/download"
    exit 1
  fi
}

# All packages of end2end, again when the lock file changed.
install_node_modules() {
  need_node
  cmp -s end2end/package-lock.json end2end/node_modules/.installed && return
  echo "Installing the packages of end2end (Playwright, axe, Lighthouse, Binaryen)"
  npm ci --prefix end2end --no-audit --no-fund --loglevel=error
  cp end2end/package-lock.json end2end/node_modules/.installed
}

# Real MQTT clients, and public validators of what they hear.
install_clients() {
  need_node
  local folder=server/tests/clients
  if ! cmp -s $folder/package-lock.json $folder/node_modules/.installed; then
    echo "Installing MQTT clients and validators for the tests (MQTT.js, CloudEvents, Ajv, AsyncAPI)"
    npm ci --prefix $folder --no-audit --no-fund --loglevel=error
    cp $folder/package-lock.json $folder/node_modules/.installed
  fi
  if ! cmp -s $folder/requirements.txt $folder/python/.installed; then
    echo "Installing an MQTT client for the tests (paho-mqtt)"
    rm -rf $folder/python
    python3 -m pip install --quiet --disable-pip-version-check --target $folder/python -r $folder/requirements.txt
    cp $folder/requirements.txt $folder/python/.installed
  fi
}

# Binaryen makes the browser code a tenth smaller; without Node the build goes on without it.
install_wasm_opt() {
  [ -n "${WASM_OPT:-}" ] || [ -x end2end/node_modules/.bin/wasm-opt ] || have wasm-opt && return
  if have npm; then
    echo "Installing Binaryen from npm (wasm-opt makes the browser code smaller)"
    npm ci --prefix end2end --omit=dev --no-audit --no-fund --loglevel=error ||
      echo "That failed; the browser code will be about a tenth larger."
  fi
}

have cargo || { echo "Rust is needed: https://rustup.rs"; exit 1; }
want gcc "links Rust programs and compiles SQLite" have cc
want libc6-dev "its C library" test -e /usr/include/stdlib.h
case $target in
  unit)
    want postgresql "the tests run on SQLite and on PostgreSQL" has_initdb
    want mosquitto "an MQTT broker outside, for the tests" test -x /usr/sbin/mosquitto
    want mosquitto-clients "real MQTT clients for the tests" have mosquitto_sub
    want nats-server "a cluster of brokers outside, for the tests" has_nats
    want python3-pip "fetches a real MQTT client for the tests" has_pip
    ;;
  journeys | shots) want chromium-headless-shell "the journeys run in it" have chromium-headless-shell ;;&
  journeys)
    want postgresql "one journey has two processes on it" has_initdb
    want mosquitto "a broker outside, for two journeys" test -x /usr/sbin/mosquitto
    ;;
  shots) want fonts-noto-cjk "Chinese on photographs" test -d /usr/share/fonts/opentype/noto ;;
  bench)
    want chromium "the browser that is measured" have chromium
    want wrk "measures pages a second" have wrk
    want postgresql "orders on PostgreSQL, beside pgbench" has_initdb
    ;;
esac
install_packages
for component in rustfmt clippy; do
  name=$component
  [ $name = rustfmt ] && name=fmt
  cargo $name --version >/dev/null 2>&1 && continue
  echo "Missing: the Rust component $component (make test formats and lints with it)"
  rustup component add $component
done
# The build itself adds it too; clippy does not.
if [ ! -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ]; then
  echo "Missing: the Rust target wasm32-unknown-unknown (the browser code)"
  rustup target add wasm32-unknown-unknown
fi
case $target in
  run) install_wasm_opt ;;
  unit) install_clients ;;
  journeys | shots | bench) install_node_modules ;;
esac
