#!/bin/sh
# Installs arazzo: downloads the archive for this system, compares its SHA-256, and puts the command into a folder.
# Nothing else is changed. Options: sh install.sh --help
set -eu

released="@VERSION@"
downloads="@DOWNLOADS@"
version=$released
from=
to="${XDG_BIN_HOME:-${HOME:+$HOME/.local/bin}}"
target=
source="cargo install --locked --features restate arazzo-run"

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $1"
  [ -z "${2:-}" ] || say "help: $2"
  exit 1
}

usage() {
  cat <<END
Installs arazzo $version.

  --to FOLDER       where the command is put (${to:-HOME is not set})
  --from URL        the folder of the release's files (${downloads:-none is known})
  --version VERSION another version ($version)
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
    *) fail "there is no archive for the processor $machine" "build arazzo from its source, with Rust: $source" ;;
  esac
  case "$system" in
    Linux) if has_new_glibc; then target=$processor-unknown-linux-gnu; else target=$processor-unknown-linux-musl; fi ;;
    Darwin)
      # A shell that Rosetta translates says x86_64.
      if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then processor=aarch64; fi
      target=$processor-apple-darwin
      ;;
    MINGW* | MSYS* | CYGWIN*) fail "this installer is not for Windows" "in PowerShell: irm ${from}/install.ps1 | iex" ;;
    *) fail "there is no archive for $system" "build arazzo from its source, with Rust: $source" ;;
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
          --version) version=${2#v} ;;
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

  # Where those of this script's own version are, with the other version in the name of the folder.
  [ -n "$from" ] || [ -z "$downloads" ] || from=${downloads%"/v$released"}/v$version
  [ -n "$to" ] || fail "HOME is not set, so there is no place for the command" "give one: --to FOLDER"
  [ ! -d "$to/arazzo" ] || fail "$to/arazzo is a folder, and the command would have that name" "move it away, or give another place: --to FOLDER"
  # The checksums come from the same place as the archive, so that place has to be reached safely.
  case "$from" in
    https://* | http://127.0.0.1:* | http://localhost:* | "http://[::1]:"*) ;;
    "") fail "this installer does not know where the files of a release are" "give their folder: --from https://…" ;;
    *) fail "$from is not an https url" "give one: --from https://…" ;;
  esac

  [ -n "$target" ] || find_target
  folder=$(mktemp -d)
  beside=$to/.arazzo.$$
  trap 'rm -rf "$folder" "$beside"' EXIT
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
  mkdir -p "$to" || fail "$to cannot be made" "give another place: --to FOLDER"
  # Within one folder a file takes the place of another at once, also while that runs. It is tried there: a place may
  # refuse to run anything.
  cp "$folder/$name/arazzo" "$beside" || fail "$to cannot be written to" "give another place: --to FOLDER"
  chmod 755 "$beside"
  said=$("$beside" --version) || fail "the command for $target does not run in $to, and was not installed" "give another system with --target, or another place with --to"
  [ "$said" = "arazzo $version" ] || fail "the archive of arazzo $version has another command: it says $said" "nothing was installed; say so to the project"
  mv -f "$beside" "$to/arazzo"

  say "installed $said as $to/arazzo"
  case ":${PATH:-}:" in
    *":$to:"*) ;;
    *) say "note: $to is not in PATH" ;;
  esac
}

main "$@"
