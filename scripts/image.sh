#!/usr/bin/env bash
# Makes the offline image: what starts the disconnected workstation from a stick,
# with byok-offline, SoftHSM, and no driver of a network or a disk. The same list
# of packages, program and vendor's files give the same bytes, on any Debian.
#
# usage: scripts/image.sh [OUT]      OUT: folder of the result (default: bin/image)
#
#   BYOK_BIN=FOLDER     where byok-offline is (default: bin)
#   VENDOR=FOLDER       a vendor's files, as they are to stand below /
#   BYOK_IMAGE=FOLDER   of what is downloaded (default: byok-image in the user's cache folder)
#
# It needs root and mmdebstrap. See docs/image.md.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(realpath "${BYOK_BIN:-bin}")
out=${1:-bin/image}
cache=${BYOK_IMAGE:-${XDG_CACHE_HOME:-$HOME/.cache}/byok-image}
here=scripts/image
list=$here/packages.txt
suite=trixie

fail() {
	echo "image: $*" >&2
	exit 1
}

# files SECTION…: the packages' files of these sections.
files() {
	local section
	for section in "$@"; do
		sed -n "s|^$section \([^ ]*\) .*|$cache/debs/\1.deb|p" "$list"
	done
}

# repository SECTION: a folder that apt reads, with the packages of that section.
repository() {
	local deb dir=$work/repository-$1
	mkdir "$dir"
	for deb in $(files "$1"); do
		ln "$deb" "$dir" 2>/dev/null || cp "$deb" "$dir"
		dpkg-deb -f "$deb"
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${deb##*/}" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d ' ' -f 1)"
	done >"$dir/Packages"
	# mmdebstrap asks for the essential packages of a release by that name.
	cat >"$dir/Release" <<-END
		Suite: $suite
		Codename: $suite
		Date: $(date -u -R -d "@$SOURCE_DATE_EPOCH" | sed "s,+0000,UTC,")
		SHA256:
		 $(sha256sum "$dir/Packages" | cut -d ' ' -f 1) $(stat -c %s "$dir/Packages") Packages
	END
	echo "$dir"
}

# system SECTION FOLDER: a Debian of that section's packages, and no others.
system() {
	local packages
	packages=$(sed -n "s/^$1 \([^ ]*\) .*/\1/p" "$list" | paste -sd ,)
	mmdebstrap --quiet --mode=root --variant=essential --architectures=amd64 --include="$packages" \
		--aptopt='APT::Install-Recommends "false"' --skip=check/qemu \
		"$suite" "$2" "deb [trusted=yes] copy:$(repository "$1") ./" || fail "mmdebstrap failed"
}

# vendor refuses a vendor's folder with files that would not be seen.
vendor() {
	local dir kernel
	[ -d "$VENDOR" ] || fail "VENDOR=$VENDOR: no folder there"
	for dir in boot dev home media proc run sys tmp var/lib var/log var/tmp; do
		[ ! -e "$VENDOR/$dir" ] ||
			fail "VENDOR has $dir, which is empty at the start: make it in a file of etc/byok-image.d"
	done
	kernel=$(sed -n 's/^part linux-image-\([^ ]*\) .*/\1/p' "$list")
	for dir in "$VENDOR"/{usr/,}lib/modules/*; do
		[ ! -e "$dir" ] || [ "${dir##*/}" = "$kernel" ] ||
			fail "VENDOR has a driver of kernel ${dir##*/}: this one is $kernel"
	done
}

[ "$(id -u)" -eq 0 ] || fail "needs root, for mmdebstrap and chroot"
[ -x "$bin/byok-offline" ] || fail "please run make build first"
[ -z "${VENDOR:-}" ] || vendor
"$here/resolve.sh" fetch
mkdir -p "$out"
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 022
SOURCE_DATE_EPOCH=$(date -u -d "$(sed -n 's/^# time: //p' "$list")" +%s)
export SOURCE_DATE_EPOCH

echo "image: the tools" >&2
system tool "$work/tools"
echo "image: the root" >&2
mkdir -p "$work"/tools/work/{parts,in,here}
system root "$work/tools/work/root"
for deb in $(files part); do
	dpkg-deb -x "$deb" "$work/tools/work/parts"
done
cp -r "$here/." "$work/tools/work/here"
cp "$bin/byok-offline" "$work/tools/work/in"
if [ -n "${VENDOR:-}" ]; then
	cp -r "$VENDOR" "$work/tools/work/in/vendor"
fi
echo "image: the image" >&2
# shellcheck disable=SC2016 # the inner shell's
unshare --mount --net --pid --fork --kill-child sh -c '
	mount -t proc proc "$1/proc" &&
	exec chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin SOURCE_DATE_EPOCH="$2" bash /work/here/make.sh' \
	sh "$work/tools" "$SOURCE_DATE_EPOCH"
mv "$work"/tools/work/{byok-offline.iso,files.txt} "$out"
(cd "$out" && sha256sum byok-offline.iso >byok-offline.iso.sha256 && cat byok-offline.iso.sha256)
