#!/usr/bin/env bash
# Everything that must hold, as `npm test`: tools, build, types, format, lint, dead code, then all tests.
# Goes on after a failure, so that one run shows all of them; the exit code tells whether there was one.
# With TEST_REPORT_DIR, leaves steps.txt ("ok NAME" or "failed NAME" a line), vitest.json and alone/vitest.json there.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PATH="$PWD/node_modules/.bin:$PATH"

failed=()

step() {
  local name="$1"
  shift
  echo "== $name"
  if "$@"; then
    record ok "$name"
  else
    record failed "$name"
    failed+=("$name")
    return 1
  fi
}

record() {
  if [[ -n "${TEST_REPORT_DIR:-}" ]]; then
    mkdir -p "$TEST_REPORT_DIR"
    echo "$1 $2" >>"$TEST_REPORT_DIR/steps.txt"
  fi
}

# Tests whose report goes to that folder, and how vitest chooses them.
tests() {
  local reporters=(--reporter=default)
  if [[ -n "${TEST_REPORT_DIR:-}" ]]; then
    reporters+=(--reporter=json "--outputFile.json=$TEST_REPORT_DIR/$1/vitest.json")
  fi
  vitest run "${reporters[@]}" "${@:2}"
}

step "tools" bash scripts/install-tools.sh
step "types" tsc -b
step "command" node scripts/make-executable.mjs
step "page" node scripts/build-web.mjs
step "format" oxfmt --check .
step "lint" oxlint --type-aware
step "dead code" knip
step "tests" tests . --project='fast*' --project=system
step "tests alone" tests alone --project=alone

if [[ ${#failed[@]} -gt 0 ]]; then
  (
    IFS=,
    echo "FAILED: ${failed[*]}"
  )
  exit 1
fi
echo "All good."
