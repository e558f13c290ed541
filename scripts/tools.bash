# Finds what the scripts need, and installs what is missing where that is possible. Sourced, from the root of the repository.
# shellcheck shell=bash disable=SC2034 # Variables are set for the scripts that source this.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $1"
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# Installs Debian packages, quietly. Fails where there is no apt or no right to use it.
install_packages() {
  command -v apt-get >/dev/null || return 1
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || return 1
    sudo=(sudo -n)
  fi
  say "installing $*"
  "${sudo[@]}" apt-get update -qq >/dev/null &&
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -qq --no-install-recommends "$@" >/dev/null
}

pinned_version() { sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml; }

# The toolchain of rust-toolchain.toml. rustup fetches it by itself; where it cannot, an installed toolchain of the same
# version will do under another name.
need_host_toolchain() {
  local version toolchain
  command -v rustup >/dev/null || fail "rustup is missing" "see https://rustup.rs"
  rustc --version >/dev/null 2>&1 && return
  version=$(pinned_version)
  say "installing Rust $version"
  timeout 600 rustup toolchain install "$version" --profile minimal -c clippy -c rustfmt >/dev/null 2>&1 && return
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
  say "installing $2"
  timeout 300 rustup component add "$2" >/dev/null 2>&1 ||
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
    say "installing rust-src"
    timeout 120 rustup component add rust-src >/dev/null 2>&1 || return 1
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
  say "installing binaryen $wanted"
  npm ci --prefix scripts --no-fund --no-audit --loglevel=error >/dev/null ||
    fail "binaryen could not be installed" "npm ci --prefix scripts"
}

# The clients of tests/clients.
need_clients() { need_packages tests/clients "the clients"; }

# What tests/report drives a browser with. It brings no browser: that is need_browser's.
need_browser_driver() { need_packages tests/report "the driver of the browser"; }

# npm packages of a folder, pinned by the hashes in its package-lock.json.
need_packages() { # folder, what they are
  need_node
  need_newer_node
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed" && return
  say "installing $2"
  # As the lock file says, but not by `npm ci`: that insists on binaries for platforms which not every registry carries.
  npm install --prefix "$1" --no-save --no-fund --no-audit --loglevel=error >/dev/null ||
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
  say "installing node 22"
  npm install --prefix "$folder" --no-fund --no-audit --loglevel=error node@22 >/dev/null ||
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
  say "installing llvm-tools"
  timeout 300 rustup component add llvm-tools >/dev/null 2>&1 ||
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
  say "installing $name $wanted"
  # Needed once, so compile time counts for more than speed.
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR=target/tools/build \
    cargo install --quiet --locked --version "$wanted" --root target/tools "$name" ||
    fail "$name could not be installed" "cargo install --locked --version $wanted $name"
  rm -rf target/tools/build
}
