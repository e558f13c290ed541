# Starts the embedded chain as a node for a script, and stops it with the script. Sourced, from the root of the repository.
# shellcheck shell=bash disable=SC2034 # Variables are set for the scripts that source this.

# Sets RPC. Arguments go to the node.
start_devnode() {
  local output
  cargo build --quiet --locked --package chain --bin devnode
  output=$(mktemp)
  "${CARGO_TARGET_DIR:-target}/debug/devnode" --json --port 0 "$@" >"$output" &
  DEVNODE=$!
  trap stop_devnode EXIT
  for _ in {1..100}; do
    RPC=$(sed -n 's/.*"rpc":"\([^"]*\)".*/\1/p' "$output")
    [ -z "$RPC" ] || break
    kill -0 "$DEVNODE" 2>/dev/null || break
    sleep 0.1
  done
  rm -f "$output"
  [ -n "$RPC" ] || fail "the node did not start"
  export RPC
}

stop_devnode() {
  kill "$DEVNODE" 2>/dev/null || true
  wait "$DEVNODE" 2>/dev/null || true
}
