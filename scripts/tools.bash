# Finds what the scripts need, and installs what is missing where that is possible. Sourced, from the root of the repository.
# shellcheck shell=bash disable=SC2034 # Variables are set for the scripts that source this.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $1"
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# Runs a command, and says every few seconds that it is still at it. What the command itself says is shown only if it fails.
patiently() { # what is done, command
  local what=$1 started=$SECONDS ticker status=0 output
  output=$(mktemp)
  shift
  say "$what"
  while sleep 5; do say_where "  $what, $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"; done &
  ticker=$!
  "$@" >"$output" 2>&1 || status=$?
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null || true
  [ ! -t 2 ] || printf '\r\033[K' >&2
  [ $status -eq 0 ] || tail -n 20 "$output" >&2
  rm -f "$output"
  return $status
}

# Installs Debian packages, quietly. Fails where there is no apt or no right to use it.
install_packages() {
  command -v apt-get >/dev/null || return 1
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || return 1
    sudo=(sudo -n)
  fi
  patiently "reading Debian's list of packages" "${sudo[@]}" apt-get update -qq &&
    patiently "installing $*" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$@"
}

pinned_version() { sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml; }

# The toolchain of rust-toolchain.toml. rustup fetches it by itself; where it cannot, an installed toolchain of the same
# version will do under another name.
need_host_toolchain() {
  local version toolchain
  command -v rustup >/dev/null || fail "rustup is missing" "see https://rustup.rs"
  rustc --version >/dev/null 2>&1 && return
  version=$(pinned_version)
  patiently "installing Rust $version" timeout 600 rustup toolchain install "$version" --profile minimal -c clippy -c rustfmt && return
  while read -r toolchain _; do
    case $(rustup run "$toolchain" rustc --version 2>/dev/null) in
      "rustc $version "*)
        rustup toolchain link "$version" "$(rustup run "$toolchain" rustc --print sysroot)"
        return
        ;;
    esac
  done < <(rustup toolchain list)
  fail "Rust $version is missing and could not be installed" "rustup toolchain install $version"
}

# A component of the host toolchain, by the name of the command that it brings.
need_component() { # cargo subcommand, component
  cargo "$1" --version >/dev/null 2>&1 && return
  patiently "installing $2" timeout 300 rustup component add "$2" ||
    fail "$2 is missing and could not be installed" "rustup component add $2"
}

# Sets CONTRACT_CARGO, CONTRACT_RUSTC and CONTRACT_LINKER: a compiler with the source of its standard library, since the
# prebuilt one makes programs of twice the size.
need_contract_compiler() {
  CONTRACT_LINKER=
  case ${COMPILER:-} in
    rustup) use_rustup || fail "rustup has no rust-src" "rustup component add rust-src" ;;
    debian) use_debian || fail_debian ;;
    "") use_rustup || use_debian || fail_debian ;;
    *) fail "COMPILER is rustup or debian, not $COMPILER" ;;
  esac
}

fail_debian() {
  fail "no compiler with the source of its standard library" \
    "with rustup:  rustup component add rust-src" \
    "on Debian:    apt-get install rustc-web cargo-web rust-web-src lld"
}

has_library_source() { [ -f "$1/lib/rustlib/src/rust/library/Cargo.lock" ]; }

use_rustup() {
  local sysroot
  sysroot=$(rustc --print sysroot)
  if ! has_library_source "$sysroot"; then
    patiently "installing rust-src" timeout 120 rustup component add rust-src || return 1
    has_library_source "$sysroot" || return 1
  fi
  CONTRACT_CARGO=$(rustup which cargo)
  CONTRACT_RUSTC=$(rustup which rustc)
}

use_debian() {
  local sysroot
  if ! debian_compiler_is_there; then
    install_packages rustc-web cargo-web rust-web-src || return 1
    debian_compiler_is_there || return 1
  fi
  CONTRACT_CARGO=/usr/bin/cargo
  CONTRACT_RUSTC=/usr/bin/rustc
  # The host toolchain brings a linker of the right age; Debian's lld is older but does as well.
  sysroot=$(rustc --print sysroot)
  for CONTRACT_LINKER in "$sysroot"/lib/rustlib/*/bin/rust-lld /usr/bin/wasm-ld; do
    [ -x "$CONTRACT_LINKER" ] && return
  done
  install_packages lld && CONTRACT_LINKER=/usr/bin/wasm-ld
}

debian_compiler_is_there() {
  local sysroot
  [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] &&
    sysroot=$(/usr/bin/rustc --print sysroot) && has_library_source "$sysroot"
}

# Sets WASM_OPT. Debian's binaryen is years old and the one on crates.io is 116; the npm package follows each release, runs
# anywhere where node does, and is pinned by the hash in package-lock.json.
need_wasm_opt() {
  need_node
  WASM_OPT=$PWD/scripts/node_modules/.bin/wasm-opt
  local wanted
  wanted=$(sed -n 's/.*"binaryen": "\([0-9]*\)\..*/\1/p' scripts/package.json | head -n 1)
  [ "$("$WASM_OPT" --version 2>/dev/null)" = "wasm-opt version $wanted (version_$wanted)" ] && return
  patiently "installing binaryen $wanted" npm ci --prefix scripts --no-fund --no-audit --loglevel=error ||
    fail "binaryen could not be installed" "npm ci --prefix scripts"
}

# The clients of tests/clients.
need_clients() { need_packages tests/clients "the clients"; }

# What tests/report drives a browser with. It brings no browser: that is need_browser's.
need_browser_driver() { need_packages tests/report "the driver of the browser"; }

# What the pages are built and tested with.
need_pages() { need_packages web "what the pages are built with"; }

# npm packages of a folder, pinned by the hashes in its package-lock.json.
need_packages() { # folder, what they are
  need_node
  need_newer_node
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && return
  # As the lock file says, but not by `npm ci`: that insists on binaries for platforms which not every registry carries.
  patiently "installing $2" npm install --prefix "$1" --no-save --no-fund --no-audit --loglevel=error ||
    fail "$2 could not be installed" "npm install --prefix $1"
  cp "$1/package-lock.json" "$1/node_modules/.installed"
}

# Sets CHROMIUM, unless it names a browser already.
need_browser() {
  [ -z "${CHROMIUM:-}" ] || return 0
  find_browser && return
  install_packages chromium && find_browser && return
  fail "chromium is missing and could not be installed" "apt-get install chromium" "or: CHROMIUM=/path/to/chromium scripts/report-test"
}

# Postgres as Debian installs it. Nothing of it needs to run: the tests start one of their own.
need_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  install_packages postgresql && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  fail "Postgres is missing and could not be installed" "apt-get install postgresql"
}

find_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    CHROMIUM=$(command -v "$name") && return
  done
  return 1
}

need_node() {
  if [ "$(node_major)" -lt 18 ] || ! command -v npm >/dev/null; then
    install_packages nodejs npm || fail "node 18 or newer and npm are missing" "apt-get install nodejs npm"
  fi
}

# The clients want node 20; Debian 12 has 18. Puts a newer one first in PATH, from npm, below target/tools.
need_newer_node() {
  [ "$(node_major)" -ge 20 ] && return
  local folder=$PWD/target/tools/node
  PATH=$folder/node_modules/.bin:$PATH
  [ "$(node_major)" -ge 20 ] && return
  patiently "installing node 22" npm install --prefix "$folder" --no-fund --no-audit --loglevel=error node@22 ||
    fail "node 20 or newer is missing" "npm install --prefix $folder node@22"
  hash -r
}

# 0 if there is none.
node_major() {
  local version
  version=$(node --version 2>/dev/null) || version=v0
  version=${version#v}
  printf '%s\n' "${version%%.*}"
}

# Sets SOLVERS: a virtual environment with z3 and cvc5 at the versions of proofs/solvers.txt, and nothing else.
need_solvers() {
  local wanted
  SOLVERS=$PWD/target/solvers
  wanted=$(cksum proofs/solvers.txt)
  [ "$(cat "$SOLVERS/made-from" 2>/dev/null)" = "$wanted" ] && return
  command -v python3 >/dev/null || fail "python3 is missing: the solvers come as Python packages" "apt-get install python3 python3-venv"
  rm -rf "$SOLVERS"
  python3 -m venv "$SOLVERS" >/dev/null 2>&1 || { install_packages python3-venv && python3 -m venv "$SOLVERS"; } ||
    fail "python3 has no module venv" "apt-get install python3-venv"
  patiently "installing z3 and cvc5" "$SOLVERS/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --requirement proofs/solvers.txt ||
    fail "z3 and cvc5 could not be installed in $SOLVERS" "proofs/solvers.txt names the versions; there are wheels for Linux"
  printf '%s\n' "$wanted" >"$SOLVERS/made-from"
}

# Sets CARGO_DENY.
need_cargo_deny() {
  need_cargo_tool cargo-deny 0.20.2
  CARGO_DENY=$CARGO_TOOL
}

# Sets CARGO_MUTANTS.
need_cargo_mutants() {
  need_cargo_tool cargo-mutants 27.1.0
  CARGO_MUTANTS=$CARGO_TOOL
}

# Sets CARGO_LLVM_COV.
need_cargo_llvm_cov() {
  need_cargo_tool cargo-llvm-cov 0.9.1
  CARGO_LLVM_COV=$CARGO_TOOL
  # Those of LLVM's tools that read what this very compiler writes.
  compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/llvm-cov" >/dev/null && return
  patiently "installing llvm-tools" timeout 300 rustup component add llvm-tools ||
    fail "llvm-tools are missing and could not be installed" "rustup component add llvm-tools"
}

# Sets CARGO_TOOL to a cargo subcommand of exactly this version. Compiled from source once, below target/tools: some minutes.
need_cargo_tool() {
  local name=$1 wanted=$2
  for CARGO_TOOL in "$PWD/target/tools/bin/$name" "$(command -v "$name" || true)"; do
    if [ -n "$CARGO_TOOL" ] && [ "$("$CARGO_TOOL" "${name#cargo-}" --version 2>/dev/null)" = "$name $wanted" ]; then
      return
    fi
  done
  CARGO_TOOL=$PWD/target/tools/bin/$name
  # Needed once, so compile time counts for more than speed.
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR=target/tools/build \
    cargo_shown "$name $wanted" install --locked --version "$wanted" --root target/tools "$name" ||
    fail "$name could not be installed" "cargo install --locked --version $wanted $name"
  rm -rf target/tools/build
}

# Runs cargo, and says at least every few seconds how far it is: one line that is rewritten in a terminal, plain lines in a log.
# Warnings and errors are passed on. Standard output stays the command's own.
cargo_shown() { # what is made, arguments of cargo
  local what=$1 status=0 shower
  shift
  exec {shower_input}> >(show_progress "$what")
  shower=$!
  CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=120 cargo "$@" 2>&"$shower_input" || status=$?
  exec {shower_input}>&-
  # Its last words, before anybody else's.
  wait "$shower"
  return $status
}

# Reads what cargo says on standard error, and shows how far it is.
show_progress() { # what is made
  local what=$1 line='' part far='' where='' status=0 started=$SECONDS shown=-5
  while [ $status -eq 0 ] || [ $status -gt 128 ]; do
    part='' status=0
    # Over 128: nothing came for a while, and what came of a line is in the variable.
    IFS= read -r -t 2 part || status=$?
    line+=$part
    # Cargo draws its bar over and over, from the start of the line.
    [[ $line != *Building\ \[*/* ]] || far=${line##*Building [} far=${far#*] }
    if [ $status -le 128 ]; then
      pass_on "${line##*$'\r'}"
      line=''
    else
      line=${line##*$'\r'}
    fi
    if [ -t 2 ] || [ $((SECONDS - shown)) -ge 5 ]; then
      shown=$SECONDS
      [[ $far =~ ^([0-9]+)/([0-9]+)(:\ ([^[:cntrl:]]*[^[:space:][:cntrl:]]))? ]] &&
        where=": ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}${BASH_REMATCH[4]:+ (${BASH_REMATCH[4]})}"
      say_where "  compiling $what$where, $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
    fi
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

# A line of cargo's that is no news of its progress.
pass_on() {
  [[ $1 =~ [^[:space:]] ]] || return 0
  [[ ! $1 =~ ^\ *(Building|Fetch|Compiling|Checking|Documenting|Finished|Running|Executable|Downloading|Downloaded|Updating|Locking|Blocking|Generated|Adding)\  ]] || return 0
  [ ! -t 2 ] || printf '\r\033[K' >&2
  printf '%s\n' "$1" >&2
}

say_where() {
  if [ -t 2 ]; then printf '\r\033[K%s' "$1" >&2; else printf '%s\n' "$1" >&2; fi
}

# Passes lines on, and says that things go on when none came for a while.
never_silent() { # what is done
  local what=$1 line='' part lines=0 started=$SECONDS status=0
  while [ $status -eq 0 ] || [ $status -gt 128 ]; do
    part='' status=0
    IFS= read -r -t 8 part || status=$?
    line+=$part
    if [ $status -gt 128 ]; then
      say "  $what, $lines lines so far, $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
    elif [ $status -eq 0 ] || [ -n "$line" ]; then
      lines=$((lines + 1))
      printf '%s\n' "$line"
      line=''
    fi
  done
}
