#!/usr/bin/env bash
# Installs the Debian packages of a release in a clean Debian, which gets nothing
# else but what they depend on and softhsm2, holds the demo's ceremony there with
# the installed programs, and removes the packages: nothing of them must stay.
#
# usage: scripts/check-deb.sh [FOLDER]    with the .deb files (default: dist)
#
# It needs root and debootstrap. The root is that of check-bundle.sh, made once;
# the ceremony runs over it, in namespaces of its own, and what it changes is gone
# afterwards.
#
#   BYOK_BARE=FOLDER   where the root is (default: byok-bare in the user's cache folder)
#   BYOK_SUITE=NAME    of Debian (default: stable)
set -euo pipefail
cd "$(dirname "$0")/.."

dist=$(realpath "${1:-dist}")
suite=${BYOK_SUITE:-stable}
cache=${BYOK_BARE:-${XDG_CACHE_HOME:-$HOME/.cache}/byok-bare}
root=$cache/$suite
arch=$(dpkg --print-architecture)

fail() {
	echo "check-deb: $*" >&2
	exit 1
}

compgen -G "$dist/byok-offline_*_$arch.deb" >/dev/null || fail "$dist: no byok-offline_*_$arch.deb there; make release makes it"
if [ ! -e "$root/.ready" ]; then
	echo "check-deb: debootstrap of Debian $suite into $root" >&2
	mkdir -p "$cache"
	rm -rf "$root"
	debootstrap --variant=minbase --include=openssl "$suite" "$root" >"$cache/debootstrap.log" 2>&1 ||
		fail "debootstrap failed: $cache/debootstrap.log"
	touch "$root/.ready"
fi

# inside ROOT DIST SCRIPTS ARCH: what happens over a copy of the root.
inside() {
	set -euo pipefail
	local over
	over=$(mktemp -d)
	mount -t tmpfs tmpfs "$over"
	mkdir "$over"/{changed,work,root}
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$over/changed,workdir=$over/work" "$over/root"
	cd "$over/root"
	mkdir -p packages byok
	cp "$2"/*_"$4".deb packages
	cp -r "$3" byok/scripts
	cp /etc/resolv.conf etc/resolv.conf
	printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d # no daemon is started
	chmod 755 usr/sbin/policy-rc.d
	mount -t proc proc proc
	mount --bind /dev dev
	chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive TERM=dumb \
		bash /byok/scripts/release/in-debian.sh
}

# shellcheck disable=SC2016 # the inner shell's
unshare --mount --pid --fork bash -c "$(declare -f inside)"'; inside "$@"' _ "$root" "$dist" "$PWD/scripts" "$arch"
