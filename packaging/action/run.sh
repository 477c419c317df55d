#!/usr/bin/env bash
# The second step of action.yml: runs a workflow or the tests, and gives what came of it as outputs of the step.
# Inputs are variables: a text in them is never read as a part of this script.
set -euo pipefail

fail() {
  echo "::error title=arazzo::$1" >&2
  echo "exit-code=2" >> "$GITHUB_OUTPUT"
  exit 2
}
case "$COMMAND" in run | test) ;; *) fail "\`command\` is \`run\` or \`test\`" ;; esac

lines=()
read_lines() { # read_lines TEXT: the lines that are not empty
  local line
  lines=()
  while IFS= read -r line; do
    line="${line%$'\r'}"
    if [ -n "$line" ]; then lines+=("$line"); fi
  done <<< "$1"
}

arguments=("$COMMAND")
each() { # each FLAG LINES: the flag with every line as its value
  read_lines "$2"
  local line
  for line in ${lines[@]+"${lines[@]}"}; do arguments+=("$1=$line"); done
}
read_lines "$DOCUMENT"
documents=(${lines[@]+"${lines[@]}"})
[ ${#documents[@]} -gt 0 ] || fail "\`document\` names no document"
[ "$COMMAND" = test ] || [ ${#documents[@]} = 1 ] || fail "\`document\` has ${#documents[@]} lines, and \`command: run\` runs one document"
for one in "${documents[@]}"; do
  case "$one" in -*) fail "\`document\` is not a path: $one (flags belong into \`arguments\`)" ;; esac
done
each --workflow "$WORKFLOW"
if [ "$COMMAND" = test ]; then
  [ -z "$INPUTS$SECRETS" ] || fail "test files have inputs and secrets: \`inputs\` and \`secrets\` are for \`command: run\`"
else
  each --input "$INPUTS"
  each --secret "$SECRETS"
fi
each --report "$REPORT"

# Flags of ours that further arguments exclude are left out; what would come of them is empty then.
output="$RUNNER_TEMP/arazzo-outputs.json"
counted="$RUNNER_TEMP/arazzo-counted.xml"
rm -f "$output" "$counted"
ours_output="$output" ours_report="$counted"
[ "$COMMAND" = run ] || ours_output=
# shellcheck disable=SC2153 # a variable of the step
read_lines "$ARGUMENTS"
further=(${lines[@]+"${lines[@]}"})
before=
for argument in ${further[@]+"${further[@]}"}; do
  case "$before" in
    # The user's file has the outputs too.
    --output | -o) output="$argument" ;;
  esac
  case "$argument" in
    --) break ;;
    --output=*) ours_output='' output="${argument#*=}" ;;
    --output | -o) ours_output='' ;;
    -o*) ours_output='' output="${argument#-o}" ;;
    --json | --json=*) ours_output='' ;;
    --dry-run | --init | --init=*) ours_output='' ours_report='' ;;
  esac
  before="$argument"
done
if [ -n "$ours_report" ]; then arguments+=(--report "junit=$ours_report"); fi
if [ -n "$ours_output" ]; then arguments+=(--output "$ours_output"); fi
# No document begins with `-`, and positional arguments may follow: `--` would make flags of them documents.
arguments+=("${documents[@]}" ${further[@]+"${further[@]}"})

# The files of the reports, as arazzo names those without a path (docs/reports.md).
reports=()
read_lines "$REPORT"
for line in ${lines[@]+"${lines[@]}"}; do
  path="${line#*=}"
  [ "$line" != "$path" ] || path=arazzo-report/
  case "${line%%=*} $path" in
    "html "*/) path+=report.html ;;
    "junit "*/) path+=junit.xml ;;
    "tap "*/) path+=report.tap ;;
    "har "*/) path+=run.har ;;
    "md "*/) path+=summary.md ;;
    "json "*/) path+=report.json ;;
  esac
  reports+=("$path")
done

# A file that was there before the run was written by it if it is newer than it was.
times="$RUNNER_TEMP/arazzo-times"
rm -rf "$times"
mkdir -p "$times"
remember() { # remember NUMBER PATH
  if [ -f "$2" ]; then touch -r "$2" "$times/$1"; fi
}
is_written() { # is_written NUMBER PATH
  [ -f "$2" ] && { [ ! -e "$times/$1" ] || [ "$2" -nt "$times/$1" ]; }
}
for at in ${reports[@]+"${!reports[@]}"}; do remember "$at" "${reports[at]}"; done
remember output "$output"

code=0
"$RUNNER_TEMP/arazzo/bin/arazzo" "${arguments[@]}" || code=$?

count() { # count ATTRIBUTE ELEMENT: the sum of an attribute over the elements of the report
  if [ ! -f "$counted" ]; then echo 0; return; fi
  awk -v element="<$2 " -v attribute=" $1=\"" '
    index($0, element) { at = index($0, attribute); if (at) sum += substr($0, at + length(attribute)) + 0 }
    END { print sum + 0 }' "$counted"
}
failed=$(($(count failures testsuites) + $(count errors testsuites)))
passed=$(($(count tests testsuites) - failed - $(count skipped testsuite)))

# A delimiter that no value can know.
delimiter="arazzo-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
{
  echo "exit-code=$code"
  echo "passed=$passed"
  echo "failed=$failed"
  if [ "$COMMAND" = run ] && is_written output "$output"; then
    # An object; of several runs a line each, as --output writes them.
    printf 'outputs<<%s\n%s\n%s\n' "$delimiter" "$(cat "$output")" "$delimiter"
  fi
  written=()
  for at in ${reports[@]+"${!reports[@]}"}; do
    if is_written "$at" "${reports[at]}"; then written+=("${reports[at]}"); fi
  done
  if [ ${#written[@]} -gt 0 ]; then
    printf 'report<<%s\n' "$delimiter"
    printf '%s\n' "${written[@]}" "$delimiter"
  fi
} >> "$GITHUB_OUTPUT"
# The summary of the job is written by arazzo itself.
exit "$code"
