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

arguments=("$COMMAND")
each() { # each FLAG LINES: the flag before every line
  local line
  while IFS= read -r line; do
    line="${line%$'\r'}"
    if [ -n "$line" ]; then arguments+=(${1:+"$1"} "$line"); fi
  done <<< "$2"
}
each "" "$DOCUMENT"
each --workflow "$WORKFLOW"
if [ "$COMMAND" = test ]; then
  [ -z "$INPUTS$SECRETS" ] || fail "test files have inputs and secrets: \`inputs\` and \`secrets\` are for \`command: run\`"
else
  each --input "$INPUTS"
  each --secret "$SECRETS"
fi
each --report "$REPORT"
# shellcheck disable=SC2153 # a variable of the step
each "" "$ARGUMENTS"

# The files of the reports, as arazzo names those without a path (docs/reports.md).
report_files() {
  local line path
  while IFS= read -r line; do
    line="${line%$'\r'}"
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
    # A run that could not begin writes none.
    if [ -n "$line" ] && [ -f "$path" ]; then printf '%s\n' "$path"; fi
  done <<< "$REPORT"
}

outputs="$RUNNER_TEMP/arazzo-outputs.json"
counted="$RUNNER_TEMP/arazzo-counted.xml"
rm -f "$outputs" "$counted"
arguments+=(--report "junit=$counted")
if [ "$COMMAND" = run ]; then arguments+=(--output "$outputs"); fi
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

{
  echo "exit-code=$code"
  echo "passed=$passed"
  echo "failed=$failed"
  # One line of JSON.
  if [ -f "$outputs" ]; then echo "outputs=$(cat "$outputs")"; fi
  if files="$(report_files)" && [ -n "$files" ]; then
    # A delimiter that no path is.
    printf 'report<<//arazzo//\n%s\n//arazzo//\n' "$files"
  fi
} >> "$GITHUB_OUTPUT"

# `arazzo run` adds the summary of a run itself.
if [ "$COMMAND" = test ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  {
    printf '## arazzo test: %s passed, %s failed\n\n' "$passed" "$failed"
    if [ -f "$counted" ]; then
      # Names are escaped for XML, and so for HTML.
      awk '/<testcase / { name = $0; sub(/.* name="/, "", name); sub(/".*/, "", name); said = 0 }
        /<(failure|error)[ >]/ && !said { print "- " name; said = 1 }' "$counted"
    fi
  } >> "$GITHUB_STEP_SUMMARY"
fi
exit "$code"
