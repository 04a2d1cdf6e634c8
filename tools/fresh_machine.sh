#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fresh_machine.sh [--root DIRECTORY] COMMAND [ARGUMENT...]
#
# Runs a command of the README on a machine that has never seen the project: a Debian 12 root made by debootstrap, with
# the last commit of this tree in /fuse, an empty environment, root as the user, and no nvcc. For example
#     tools/fresh_machine.sh ./dev demo
# Exits with the command's status. With --root the root is made in DIRECTORY, used again if it is there, and kept;
# otherwise it is removed at the end. Needs to be root itself, for chroot and mount.
set -Eeuo pipefail
trap 'printf "fresh_machine: line %s ended with status %s: %s\n" "$LINENO" "$?" "$BASH_COMMAND" >&2' ERR
tree=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  printf 'fresh_machine: %s\n' "$*" >&2
  exit 1
}

root=
if [ "${1:-}" = --root ]; then
  root=${2:?fresh_machine: expected a directory after --root}
  shift 2
fi
[ $# -gt 0 ] || fail "expected a command, got none; for example: tools/fresh_machine.sh ./dev demo"
[ "$(id -u)" = 0 ] || fail "expected to be root, for chroot and mount; run it by sudo"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"

if [ -z "$root" ]; then
  root=$(mktemp -d)
  trap 'rm -rf --one-file-system "$root"' EXIT
fi

if [ ! -e "$root/complete" ]; then
  mkdir -p "$root"
  [ -z "$(ls -A "$root")" ] || fail "$root is neither empty nor a root that this made to the end: remove it"
  # The mirror of this machine, if it is a Debian too: it may have no way to another one.
  mirror=$({ grep -q '^ID=debian' /etc/os-release && cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list ||
    true; } 2>/dev/null | grep -E '^(URIs:|deb ) *' | grep -oE -m 1 'https?://[^ ]+' | head -n 1 || true)
  log=$(mktemp)
  # In a mount namespace of its own, so that nothing stays mounted, however this ends.
  unshare --mount debootstrap --variant=minbase --include=ca-certificates bookworm "$root" \
    "${mirror:-http://deb.debian.org/debian}" >"$log" 2>&1 ||
    fail "debootstrap failed; the end of what it said:
$(tail -n 5 "$log")"
  mv "$log" "$root/debootstrap.log"
  touch "$root/complete"
fi
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# How this machine reaches its packages.
{ grep -lE '^ *Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null || true; } | while read -r settings; do
  cp "$settings" "$root/etc/apt/apt.conf.d/"
done

rm -rf "$root/fuse"
git clone --quiet "$tree" "$root/fuse"

# /proc, too, goes with the namespace.
unshare --mount bash -c 'mount -t proc proc "$1/proc" && cd "$1/fuse" && root=$1 && shift &&
  exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    bash -c '\''cd /fuse && exec "$@"'\'' bash "$@"' bash "$root" "$@"
