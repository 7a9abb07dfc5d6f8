#!/usr/bin/env bash
# What the system tests need besides Node, from Debian, by tools.txt: real browsers, a real TURN client, Redis, WHIP
# and WHEP clients of others.
# As root installs what is missing; as anybody else names it and fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# A command, or a path in which * stands for any name.
is_there() {
  if [[ $1 == /* ]]; then compgen -G "$1" >/dev/null; else command -v "$1" >/dev/null; fi
}

missing=()
while read -r tool package; do
  if ! is_there "$tool" && [[ " ${missing[*]-} " != *" $package "* ]]; then
    missing+=("$package")
  fi
done < <(grep -v '^#' tools.txt)

if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "The tests need these Debian packages: ${missing[*]}" >&2
  echo "Install them: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
