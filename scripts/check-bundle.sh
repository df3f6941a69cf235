#!/usr/bin/env bash
# Runs a bundle's check.sh in a bare Debian, of which nothing but its smallest set of
# packages and openssl is there: no network, no home, the bundle read-only.
#
# usage: scripts/check-bundle.sh [BUNDLE [HKNSO]]    default: the bundle of a demo
#
# It needs root and debootstrap. The root is made once:
#
#   BYOK_BARE=FOLDER   where (default: byok-bare in the user's cache folder)
#   BYOK_SUITE=NAME    of Debian (default: stable)
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${BYOK_SUITE:-stable}
cache=${BYOK_BARE:-${XDG_CACHE_HOME:-$HOME/.cache}/byok-bare}
root=$cache/$suite
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "check-bundle: $*" >&2
	exit 1
}

# demo holds a demo and prints the bundle that it leaves.
demo() {
	TMPDIR=$work DEMO_KEEP=1 scripts/demo.sh >"$work/demo.out" 2>&1 || fail "the demo failed: $(tail -n 3 "$work/demo.out")"
	echo "$work"/byok-demo.*/bundle
}

bundle=${1:-$(demo)}
[ -e "$bundle/check.sh" ] || fail "$bundle: no bundle there"
if [ ! -e "$root/.ready" ]; then
	echo "check-bundle: debootstrap of Debian $suite into $root" >&2
	mkdir -p "$cache"
	rm -rf "$root"
	debootstrap --variant=minbase --include=openssl "$suite" "$root" >"$cache/debootstrap.log" 2>&1 ||
		fail "debootstrap failed: $cache/debootstrap.log"
	touch "$root/.ready"
fi
mkdir -p "$root/mnt/bundle"
# shellcheck disable=SC2016 # the inner shell's
unshare --net --mount --pid --fork sh -c '
	mount --bind "$1" "$2/mnt/bundle" && mount -o remount,bind,ro "$2/mnt/bundle" &&
	exec chroot "$2" /usr/bin/env -i PATH=/usr/bin:/bin sh /mnt/bundle/check.sh $3' sh "$(realpath "$bundle")" "$root" "${2:-}"
packages=$(chroot "$root" dpkg-query -f . -W | wc -c)
echo "check-bundle: every statement passes under $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' "$root/usr/lib/os-release"), with $packages packages"
