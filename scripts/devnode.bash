# Starts the embedded chain as a node for a script, and stops it with the script. Sourced, from the root of the repository.
# shellcheck shell=bash disable=SC2034 # Variables are set for the scripts that source this.

# Sets RPC, DEVNODE and DEVNODE_BINARY. Arguments go to the node, on any free port unless they name one; PROFILE is dev unless set.
start_devnode() {
  local output profile=${PROFILE:-dev}
  cargo_shown "the node" build --locked --profile "$profile" --bin devnode
  DEVNODE_BINARY=${CARGO_TARGET_DIR:-target}/${profile/dev/debug}/devnode
  [[ " $* " == *" --port"* ]] || set -- --port 0 "$@"
  output=$(mktemp)
  "$DEVNODE_BINARY" --json "$@" >"$output" &
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
