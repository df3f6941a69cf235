#!/usr/bin/env bash
# Builds a release twice, as differently as one machine can, and compares: every file
# must be the same. "make reproduce" calls it.
#
# usage: scripts/reproduce.sh            builds this commit twice
#        scripts/reproduce.sh FOLDER     builds it once, and compares with the release
#                                        in FOLDER, such as one that was downloaded
#
# The first build is of a clone, the second of an archive, in a longer folder, by
# another user (as root), with another time zone, umask and language. Each has a home
# and caches of its own, which are empty: modules come from this user's cache, where
# they are, as from a proxy, and their hashes are compared with go.sum.
#
#   TARGETS="linux-amd64 …"   the platforms (default: all)
set -euo pipefail
cd "$(dirname "$0")/.."

against=${1:+$(realpath "$1")}
go=${GO:-go}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
chmod 755 "$work"
cp -r "$("$go" env GOMODCACHE)/cache/download" "$work/proxy" # which another user can read
proxy="file://$work/proxy|$("$go" env GOPROXY)"
[ -e .git ] || { echo "reproduce: needs a checkout" >&2 && exit 1; }
[ "$(scripts/stamp.sh modified)" = false ] || echo "reproduce: the checkout has changes, which are not built" >&2

# build FOLDER ZONE UMASK LANGUAGE [USER] makes the release FOLDER/dist of FOLDER/source.
build() {
	local as=()
	if [ -n "${5:-}" ] && [ "$(id -u)" -eq 0 ]; then
		chown -R "$5:$5" "$1"
		as=(setpriv --reuid "$5" --regid "$5" --clear-groups)
	elif [ -n "${5:-}" ]; then
		echo "reproduce: not root: the same user builds twice" >&2
	fi
	echo "reproduce: building in $1" >&2
	(cd "$1/source" && umask "$3" && env -i "${as[@]}" env -i PATH="$PATH" HOME="$1/home" TZ="$2" LC_ALL="$4" \
		GOPROXY="$proxy" GONOSUMDB=all GOFLAGS=-modcacherw TARGETS="${TARGETS:-}" make -s release DIST="$1/dist") >"$1/log" 2>&1 || {
		tail -n 20 "$1/log" >&2
		echo "reproduce: the build failed" >&2
		exit 1
	}
}

second=$work/another/folder/with/a/longer/name
mkdir -p "$second"/{source,home}
git archive HEAD | tar x -C "$second/source"
build "$second" Pacific/Kiritimati 077 C.UTF-8 64321
if [ -z "$against" ]; then
	mkdir -p "$work"/first/home
	git clone -q . "$work/first/source"
	build "$work/first" UTC 022 C
	against=$work/first/dist
fi

scripts/release/compare.sh "$against" "$second/dist"
