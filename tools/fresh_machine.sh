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

# The mirror of this machine, which may have no way to another one.
mirror=$({ cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true; } |
  awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; ++i) if ($i ~ /^http/) { print $i; exit } }')
if [ ! -e "$root/etc/debian_version" ]; then
  mkdir -p "$root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" \
    "${mirror:-http://deb.debian.org/debian}" >"$root/debootstrap.log" 2>&1 ||
    fail "debootstrap failed; the end of what it said:
$(tail -n 5 "$root/debootstrap.log")"
fi
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
for setting in /etc/apt/apt.conf.d/99*; do # how this machine reaches its packages
  [ ! -e "$setting" ] || cp "$setting" "$root/etc/apt/apt.conf.d/"
done

rm -rf "$root/fuse"
git clone --quiet "$tree" "$root/fuse"

# A mount namespace of its own takes /proc away with it, however this ends.
unshare --mount bash -c 'mount -t proc proc "$1/proc" && cd "$1/fuse" && root=$1 && shift &&
  exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    bash -c '\''cd /fuse && exec "$@"'\'' bash "$@"' bash "$root" "$@"
