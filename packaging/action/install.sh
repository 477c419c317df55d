#!/usr/bin/env bash
# The first step of action.yml: puts arazzo into $RUNNER_TEMP/arazzo/bin, and that into the PATH of the steps to come.
set -euo pipefail

bin="$RUNNER_TEMP/arazzo/bin"
fail() {
  echo "::error title=arazzo::$1" >&2
  exit 2
}

if [ "$BUILD" = true ]; then
  # With the features of the packages.
  cargo install --locked --features restate --path "$ACTION_PATH/crates/arazzo-cli" --root "$RUNNER_TEMP/arazzo"
else
  # The version that this checkout of the action is.
  [ -n "$VERSION" ] || VERSION="$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ACTION_PATH/Cargo.toml" | head -n 1)"
  VERSION="${VERSION#v}"
  if [ -z "$FROM" ]; then
    # An action that is used by the path of a folder comes from no repository.
    [ -n "$REPOSITORY" ] || fail "this action is used from a folder, which has no releases: set \`build: true\`, or \`from\` to the folder of a release's files"
    FROM="$SERVER/$REPOSITORY/releases/download/v$VERSION"
  fi
  if [ "${RUNNER_OS:-}" = Windows ]; then
    pwsh -NoProfile -File "$ACTION_PATH/packaging/install.ps1" -From "$FROM" -Version "$VERSION" -To "$bin"
  else
    sh "$ACTION_PATH/packaging/install.sh" --from "$FROM" --version "$VERSION" --to "$bin"
  fi
fi
echo "$bin" >> "$GITHUB_PATH"
