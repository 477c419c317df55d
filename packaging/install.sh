#!/bin/sh
# Installs arazzo: downloads the archive for this system, compares its SHA-256, and puts the command into a folder.
# Nothing else is changed. Options: sh install.sh --help
set -eu

version="@VERSION@"
from="@DOWNLOADS@"
to="${XDG_BIN_HOME:-${HOME:-}/.local/bin}"
target=

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $1"
  [ -z "${2:-}" ] || say "help: $2"
  exit 1
}

usage() {
  cat <<END
Installs arazzo $version.

  --to FOLDER       where the command is put ($to)
  --from URL        the folder of the release's files (${from:-none is known})
  --version VERSION the version in the names of the files there ($version)
  --target TARGET   the system, for example x86_64-unknown-linux-musl (found out)
END
}

# glibc as new as the binary for it needs; everything else that is Linux gets the static binary.
has_new_glibc() {
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || return 1
  libc=${libc#glibc }
  major=${libc%%.*}
  minor=${libc#*.}
  minor=${minor%%.*}
  [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 28 ]; }
}

find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case "$machine" in
    x86_64 | amd64) processor=x86_64 ;;
    aarch64 | arm64) processor=aarch64 ;;
    *) fail "there is no archive for the processor $machine" "build arazzo from its source, with Rust: cargo install --locked arazzo-run" ;;
  esac
  case "$system" in
    Linux) if has_new_glibc; then target=$processor-unknown-linux-gnu; else target=$processor-unknown-linux-musl; fi ;;
    Darwin)
      # A shell that Rosetta translates says x86_64.
      if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then processor=aarch64; fi
      target=$processor-apple-darwin
      ;;
    MINGW* | MSYS* | CYGWIN*) fail "this installer is not for Windows" "in PowerShell: irm ${from}/install.ps1 | iex" ;;
    *) fail "there is no archive for $system" "build arazzo from its source, with Rust: cargo install --locked arazzo-run" ;;
  esac
}

get() { # get URL FILE
  if command -v curl >/dev/null; then
    case "$1" in
      https:*) curl --proto '=https' --tlsv1.2 -fsSL -o "$2" "$1" ;;
      *) curl -fsS -o "$2" "$1" ;;
    esac
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is here" "install one of them"
  fi || fail "could not download $1" "does that version exist, and has it an archive for $target?"
}

digest() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1"
  elif command -v shasum >/dev/null; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is here, and nothing is installed unchecked" "install coreutils"
  fi | { read -r sum _ && printf '%s\n' "$sum"; }
}

# A function, so that a part of this script that was cut off on its way does nothing.
main() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --to | --from | --version | --target)
        [ $# -ge 2 ] || fail "$1 needs a value" "sh install.sh --help"
        case "$1" in
          --to) to=$2 ;;
          --from) from=${2%/} ;;
          --version) version=$2 ;;
          --target) target=$2 ;;
        esac
        shift 2
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) fail "unknown option: $1" "sh install.sh --help" ;;
    esac
  done

  # The checksums come from the same place as the archive, so that place has to be reached safely.
  case "$from" in
    https://* | http://127.0.0.1:* | http://localhost:* | "http://[::1]:"*) ;;
    "") fail "this installer does not know where the files of a release are" "give their folder: --from https://…" ;;
    *) fail "$from is not an https url" "give one: --from https://…" ;;
  esac

  [ -n "$target" ] || find_target
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT TERM
  name=arazzo-$version-$target
  get "$from/SHA256SUMS" "$folder/SHA256SUMS"
  get "$from/$name.tar.gz" "$folder/$name.tar.gz"

  expected=$(while read -r sum file; do if [ "$file" = "$name.tar.gz" ]; then printf '%s\n' "$sum"; fi; done <"$folder/SHA256SUMS")
  [ -n "$expected" ] || fail "SHA256SUMS of $from has no $name.tar.gz" "does that version exist?"
  actual=$(digest "$folder/$name.tar.gz")
  [ -n "$actual" ] || exit 1
  [ "$actual" = "$expected" ] || fail "$name.tar.gz is not what SHA256SUMS says: $actual instead of $expected" "nothing was installed; try again, and say so to the project if it stays"

  tar -xzf "$folder/$name.tar.gz" -C "$folder" "$name/arazzo"
  "$folder/$name/arazzo" --version >/dev/null || fail "the command for $target does not run here" "give another one with --target"
  mkdir -p "$to"
  # Within one folder a file takes the place of another at once, also while that runs.
  cp "$folder/$name/arazzo" "$to/.arazzo.$$"
  chmod 755 "$to/.arazzo.$$"
  mv -f "$to/.arazzo.$$" "$to/arazzo"

  say "installed $("$to/arazzo" --version) as $to/arazzo"
  case ":${PATH:-}:" in
    *":$to:"*) ;;
    *) say "note: $to is not in PATH" ;;
  esac
}

main "$@"
