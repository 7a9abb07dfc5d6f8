#!/usr/bin/env bash
# What the system tests need besides Node: a real browser and a real TURN client, from Debian.
# As root installs what is missing; as anybody else names it and fails.
set -euo pipefail

# command=package
tools=(
  chromium=chromium
  turnserver=coturn
  turnutils_uclient=coturn
  turnutils_peer=coturn
  curl=curl
  ip=iproute2
  openssl=openssl
)

missing=()
for tool in "${tools[@]}"; do
  package="${tool#*=}"
  if ! command -v "${tool%%=*}" >/dev/null && [[ " ${missing[*]-} " != *" $package "* ]]; then
    missing+=("$package")
  fi
done

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
