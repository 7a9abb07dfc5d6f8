#!/usr/bin/env bash
# Goes the way of somebody new, by README.md and docs/quick-start.md: clone, npm ci, npm start, a token, two who meet.
# Prints the seconds of each step, and of all of them together.
# Usage: scripts/newcomer.sh [--here]
#   --here   what is installed and built here already is taken along, so that only the way itself is tried
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="$(mktemp -d)"
logs="$(mktemp -d)"
server=""

leave() {
  [[ -z "$server" ]] || kill -TERM -- "-$server" 2>/dev/null || true
  [[ -z "$server" ]] || wait "$server" 2>/dev/null || true
  rm -rf "$folder" "$logs"
}
trap leave EXIT

begin=$EPOCHREALTIME
seconds() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }

step() {
  local name="$1" from=$EPOCHREALTIME
  shift
  "$@"
  echo "$name: $(seconds "$from") s"
}

clone() {
  if [[ "${1:-}" == --here ]]; then
    # With times to the nanosecond and files at the same places, so that what is built counts as built.
    tar -C "$root" --format=posix --exclude=./node_modules --exclude=./.git -cf - . | tar -C "$folder" -xf -
    cp -al "$root/node_modules" "$folder/node_modules" 2>/dev/null || {
      rm -rf "$folder/node_modules"
      ln -s "$root/node_modules" "$folder/node_modules"
    }
  else
    git clone --quiet "$root" "$folder"
  fi
}

install() { npm ci --no-audit --no-fund >"$logs/install" 2>&1 || { cat "$logs/install"; false; }; }

start() {
  # A group of its own, so that what npm starts ends with it.
  set -m
  npm start >"$logs/server" 2>&1 &
  server=$!
  set +m
  until grep -q '"event":"server.ready"\|^  Meeting ' "$logs/server"; do
    kill -0 "$server" 2>/dev/null || { cat "$logs/server"; false; }
    sleep 0.05
  done
  url="$(sed -n 's/^  Meeting  *\(.*\)$/\1/p' "$logs/server")"
}

token() { token="$(node dist/server/main.js token --room demo --identity "$1" 2>/dev/null)"; }

# Two join the room of the printed URL, each by one WebSocket, and the second one is told of the first.
meet() {
  local who
  for who in ann bob; do
    token "$who"
    export "token_$who=$token"
  done
  export url
  node --input-type=module --eval '
    import { WebSocket } from "ws";
    const at = new URL("/v1/signal", process.env.url.replace(/^http/, "ws"));
    const join = (token) => new Promise((resolve, reject) => {
      const socket = new WebSocket(at, "sterna.v1");
      socket.onerror = reject;
      socket.onopen = () => socket.send(JSON.stringify({ type: "join", i: 1, token }));
      socket.onmessage = ({ data }) => resolve(JSON.parse(data));
    });
    await join(process.env.token_ann);
    const { type, room, self, participants } = await join(process.env.token_bob);
    console.log(type, room.name, self.identity, participants.map(({ identity }) => identity).join());
    process.exit(type === "joined" && participants.length === 1 ? 0 : 1);
  '
}

step "clone" clone "${1:-}"
cd "$folder"
[[ "${1:-}" == --here ]] || step "npm ci" install
step "npm start" start
echo "open $url"
step "first call" meet
echo "in all: $(seconds "$begin") s"
