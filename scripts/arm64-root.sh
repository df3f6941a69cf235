#!/usr/bin/env bash
# Unpacks packages of Debian for arm64 to a folder, by the signed list of Debian's, and
# runs nothing of them. Nothing of this computer is changed; the packages are kept in a
# cache, and no network is used once they are there.
#
# usage: scripts/arm64-root.sh FOLDER PACKAGE…
#   linux-image-arm64        stands for the kernel that it depends on
#   XDG_CACHE_HOME=FOLDER    where the cache is (default: ~/.cache)
set -euo pipefail
to=$(realpath -m "${1:?usage: scripts/arm64-root.sh FOLDER PACKAGE…}")
shift
key=$(printf '%s\n' "$@" | cat "$0" - | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/byok/arm64-$key.tar

work=$(mktemp -d "${TMPDIR:-/tmp}/byok-arm64-root.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/packages"

# fetch PACKAGE…: to packages/, by an apt of its own, to which this computer is an arm64
# without any package.
fetch() {
	mkdir -p "$work/lists/partial"
	touch "$work/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian" \
		"$(. /etc/os-release && echo "$VERSION_CODENAME") main" >"$work/sources.list"
	local options=(-q -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache"
		-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root
		-o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Acquire::Languages=none)
	apt-get "${options[@]}" update >&2
	local package names=()
	for package in "$@"; do
		if [ "$package" = linux-image-arm64 ]; then
			package=$(apt-cache "${options[@]}" depends "$package" | sed -n 's/^ *Depends: //p' | head -n 1)
		fi
		names+=("$package")
	done
	(cd "$work/packages" && apt-get "${options[@]}" download "${names[@]}" >&2)
}

if [ -e "$cache" ]; then
	tar -C "$work/packages" -xf "$cache"
else
	fetch "$@"
	mkdir -p "$(dirname "$cache")"
	tar -C "$work/packages" -cf "$cache.$$" .
	mv "$cache.$$" "$cache"
fi
for package in "$work/packages"/*.deb; do dpkg-deb --extract "$package" "$to"; done
