#!/usr/bin/env bash
# What the system tests need besides Node, from Debian: real browsers, a real TURN client, WHIP and WHEP clients of
# others.
# As root installs what is missing; as anybody else names it and fails.
set -euo pipefail

# command=package, or a file that the package has
tools=(
  chromium=chromium
  firefox-esr=firefox-esr
  turnserver=coturn
  turnutils_uclient=coturn
  turnutils_peer=coturn
  curl=curl
  ip=iproute2
  openssl=openssl
  gcc=gcc
  janus=janus
  wrk=wrk
  whip-client=simple-whip-client
  /usr/lib/python3/dist-packages/aiortc=python3-aiortc
  /usr/lib/python3/dist-packages/gi/overrides/Gst.py=python3-gst-1.0
  gst-launch-1.0=gstreamer1.0-tools
)
# Plugins and typelibs of GStreamer, in a folder that has the name of the machine in it.
multiarch=(
  gstreamer-1.0/libgstopus.so=gstreamer1.0-plugins-base
  gstreamer-1.0/libgstvpx.so=gstreamer1.0-plugins-good
  gstreamer-1.0/libgstwebrtc.so=gstreamer1.0-plugins-bad
  gstreamer-1.0/libgstx264.so=gstreamer1.0-plugins-ugly
  gstreamer-1.0/libgstnice.so=gstreamer1.0-nice
  girepository-1.0/Gst-1.0.typelib=gir1.2-gstreamer-1.0
  girepository-1.0/GstSdp-1.0.typelib=gir1.2-gst-plugins-base-1.0
  girepository-1.0/GstWebRTC-1.0.typelib=gir1.2-gst-plugins-bad-1.0
)

# A command, or a path in which * stands for any name.
is_there() {
  if [[ $1 == /* ]]; then compgen -G "$1" >/dev/null; else command -v "$1" >/dev/null; fi
}

missing=()
for tool in "${tools[@]}" "${multiarch[@]/#/"/usr/lib/*/"}"; do
  package="${tool#*=}"
  if ! is_there "${tool%%=*}" && [[ " ${missing[*]-} " != *" $package "* ]]; then
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
