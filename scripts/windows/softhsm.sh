#!/usr/bin/env bash
# Builds SoftHSM, with OpenSSL's libcrypto in it, as a DLL for Windows: a PKCS#11
# library for a rehearsal with byok-offline.exe. Both come from Debian's source
# archive, by the signed list of Debian's; nothing of them is patched. Minutes; the
# result is kept in a cache, and no network is used once it is there.
#
# It is for rehearsals: it keeps no log, and its configuration file is softhsm2.conf
# in the working folder unless SOFTHSM2_CONF names one.
#
# usage: scripts/windows/softhsm.sh FILE      FILE: where the DLL goes
#   XDG_CACHE_HOME=FOLDER    where the cache is (default: ~/.cache)
#   BYOK_JOBS=N              compilers at once (default: one a processor)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=$(realpath -m "${1:?usage: scripts/windows/softhsm.sh FILE}")
jobs=${BYOK_JOBS:-$(nproc)}
host=x86_64-w64-mingw32

# What is built depends on these two files.
key=$(cat "$here/softhsm.sh" "$here/softhsm-config.h" | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/byok/softhsm-$key.dll
if [ -e "$cache" ]; then
	cp "$cache" "$to"
	exit
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/byok-softhsm.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# An apt of our own: a computer without deb-src lines has them here.
mkdir -p apt/lists/partial
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >apt/sources.list
apt=(apt-get -q -o "Dir::State::lists=$work/apt/lists" -o "Dir::Etc::sourcelist=$work/apt/sources.list"
	-o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root)
"${apt[@]}" update >&2

# original PACKAGE: fetches the maker's archive of it, checks it by the list, and
# unpacks it to a folder of that name. Debian's changes are for Debian.
original() {
	local uri file sum
	read -r uri file sum < <("${apt[@]}" source --print-uris "$1" | sed -n "s/^'\([^']*orig\.tar\.[a-z0-9]*\)' \([^ ]*\) [0-9]* SHA256:\([0-9a-f]*\)$/\1 \2 \3/p")
	{ command -v curl >/dev/null && curl -fsSL -o "$file" "$uri"; } || wget -q -O "$file" "$uri"
	echo "$sum  $file" | sha256sum --check --quiet
	mkdir "$1"
	tar -xf "$file" -C "$1" --strip-components=1
}
original openssl
original softhsm2

# libcrypto alone, as a library to be linked in. The names are absolute nowhere.
(
	cd openssl
	./Configure mingw64 --cross-compile-prefix="$host-" --prefix=/nonexistent no-shared no-module no-tests no-dso no-async \
		no-cms no-cmp no-ts no-srp no-sock no-ui-console no-autoload-config no-legacy
	make -j"$jobs" build_generated
	make -j"$jobs" libcrypto.a
) >openssl.log 2>&1 || { tail -n 20 openssl.log >&2; exit 1; }

# compile FILE: to objects/, a name a file.
mkdir objects
cp "$here/softhsm-config.h" config.h
mapfile -t folders < <(find softhsm2/src/lib -type d ! -path '*/test*' -printf '-I%p\n')
compile() {
	local object=${1#softhsm2/src/lib/}
	$host-g++-posix -O1 -w -D_WIN32_WINNT=0x0600 -DCRYPTOKI_EXPORTS -I. -Iopenssl/include "${folders[@]}" -include config.h \
		-c "$1" -o "objects/${object//\//_}.o"
}
running=0
while read -r file; do
	compile "$file" &
	if [ $((++running)) -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
done < <(find softhsm2/src/lib -name '*.cpp' ! -path '*/test/*' ! -name 'Botan*' ! -name 'DB*')
while [ $((running--)) -gt 0 ]; do wait -n; done

$host-g++-posix -shared -static -s -Wl,--no-insert-timestamp -o softhsm2.dll objects/*.o openssl/libcrypto.a \
	-lws2_32 -lgdi32 -lcrypt32 -ladvapi32 -luser32
mkdir -p "$(dirname "$cache")"
cp softhsm2.dll "$cache.$$"
mv "$cache.$$" "$cache"
cp "$cache" "$to"
