#!/usr/bin/env bash
# Builds a release: the programs for each platform, their packages, and what belongs
# beside them. The same commit gives the same bytes, whoever builds it and where:
# see scripts/reproduce.sh. "make release" calls it.
#
# usage: scripts/release.sh FOLDER    FOLDER is new, or one that this script made
#
#   TARGETS="linux-amd64 linux-arm64 windows-amd64"   the platforms (default: these)
#   SIGN_KEY=FILE                                      the private SSH key that signs
#
# and from the Makefile BUILD and LDFLAGS, the options of go build.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
export LC_ALL=C TZ=UTC GOFLAGS=

out=${1:?usage: scripts/release.sh FOLDER}
read -r -a targets <<<"${TARGETS:-linux-amd64 linux-arm64 windows-amd64}"
build=()
eval "build=(${BUILD:?run make release})" # it has quotes
programs=(byok-offline byok-online check-offline)
go=${GO:-go}
largest=12000000 # bytes of byok-offline for Linux; that for Windows has a symbol table of another kind

fail() {
	echo "release: $*" >&2
	exit 1
}
say() { echo "release: $*" >&2; }

commit=$(scripts/stamp.sh commit)
epoch=$(scripts/stamp.sh epoch)
[ -n "$commit" ] || fail "the commit is not known: build in a checkout, or in an archive that git made"
export SOURCE_DATE_EPOCH=$epoch
release=$(sed -n 's/^const Release = "\(.*\)"$/\1/p' internal/version/version.go)
version=$release
case $release in *-*) version=$release+${commit:0:12} ;; esac
if [ "$(scripts/stamp.sh modified)" = true ]; then
	version=$release+${commit:0:12}.dirty
	say "the checkout has changes that are in no commit: the programs say so"
fi

# fresh empties the folder, if it is one of ours.
fresh() {
	if [ -d "$out" ] && [ -n "$(ls -A "$out")" ] && [ ! -e "$out/SHA256SUMS" ] && [ ! -e "$out/.unfinished" ]; then
		fail "$out: holds other files"
	fi
	rm -rf "$out"
	mkdir -p "$out"
	: >"$out/.unfinished"
	out=$(realpath "$out")
}

# compiler TARGET: the C compiler of a platform.
compiler() {
	case $1 in
	linux-amd64) echo x86_64-linux-gnu-gcc ;;
	linux-arm64) echo aarch64-linux-gnu-gcc ;;
	windows-amd64) echo x86_64-w64-mingw32-gcc-win32 ;;
	*) fail "$1: the platforms are linux-amd64, linux-arm64 and windows-amd64" ;;
	esac
}

# program NAME TARGET: the file of a program in the release.
program() {
	local suffix=""
	case $2 in windows-*) suffix=.exe ;; esac
	echo "$out/$1-$version-$2$suffix"
}

# compile NAME TARGET: byok-offline with the C compiler, for the HSM's library; the
# others without, so that they need no library at all.
compile() {
	local file cgo=0 flags=$LDFLAGS
	if [ "$1" = byok-offline ]; then
		cgo=1
		flags=${flags/-extldflags=-Wl,/-extldflags=-Wl,-Map=$work/$2.map,}
	fi
	# Data is not mapped as code, which only some linkers do unasked: check-offline.
	case $2 in linux-*) flags=${flags/-extldflags=-Wl,/-extldflags=-Wl,-z,separate-code,} ;; esac
	file=$(program "$1" "$2")
	say "$(basename "$file")"
	CGO_ENABLED=$cgo CC=$(compiler "$2") GOOS=${2%-*} GOARCH=${2#*-} \
		"$go" build "${build[@]}" -ldflags "$flags" -o "$file" "./cmd/$1"
	[ "$cgo" = 0 ] || scripts/symbols.sh "$file" "$(compiler "$2" | sed 's/gcc.*//')"
}

# papers NAME TARGET: bill of materials and licences of a program.
papers() {
	local file map=""
	file=$(program "$1" "$2")
	[ "$1" != byok-offline ] || map=$work/$2.map
	"$work/release" sbom "$version" "$commit" "$(scripts/stamp.sh time)" "$file" "$map" >"${file%.exe}.cdx.json"
	"$work/release" licences "$file" "$map" >"${file%.exe}.licences.txt"
}

# pages writes what is read, once for all platforms: it is the same on each.
pages() {
	local name shell
	for name in byok-offline byok-online; do
		"$work/$name" manual --to "$work/man" >/dev/null
		mkdir -p "$work/completions/$name"
		for shell in bash zsh fish powershell; do
			"$work/$name" completion "$shell" >"$work/completions/$name/$shell"
		done
	done
	manual check-offline
}

# doc FOLDER NAME TARGET: the papers of a program, for a package.
doc() {
	local file
	file=$(program "$2" "$3")
	install -D -m 644 "${file%.exe}.cdx.json" "$1/$2.cdx.json"
	install -D -m 644 "${file%.exe}.licences.txt" "$1/$2.licences.txt"
}

# book NAME FOLDER: what there is to read about a program, with its pictures.
book() {
	local pages=(README.md docs)
	[ "$1" != check-offline ] || pages=(docs/security/check-offline.md)
	find "${pages[@]}" -type f ! -name '*.go' -exec cp --parents -t "$2" {} +
}

# The Debian packages.
# shellcheck source=scripts/release/deb.sh
. scripts/release/deb.sh

# archive TARGET: the programs for Windows with their papers, as a zip.
archive() {
	local name root=$work/zip/byok-$version-$1
	for name in "${programs[@]}"; do
		install -D -m 755 "$(program "$name" "$1")" "$root/$name.exe"
		doc "$root/papers" "$name" "$1"
		[ ! -d "$work/completions/$name" ] || install -D -m 644 "$work/completions/$name/powershell" "$root/completions/$name.ps1"
	done
	install -m 644 CHANGELOG.md LICENSE "$root"
	book byok "$root"
	find "$root" -type f ! -name '*.exe' -exec chmod 644 {} + # whatever the checkout's are
	find "$root" -exec touch -d "@$epoch" {} +
	(cd "$work/zip" && find "byok-$version-$1" -type f | sort | zip -9Xq "$out/byok-$version-$1.zip" -@)
}

# notes writes what a reader needs before the first check.
notes() {
	local target
	echo "# byok $version"
	echo
	echo "* commit $commit of $(scripts/stamp.sh time)"
	echo "* $("$go" version | cut -d' ' -f3,4), GOEXPERIMENT=$GOEXPERIMENT"
	for target in "${targets[@]}"; do
		echo "* C compiler of byok-offline for $target: $("$(compiler "$target")" --version | head -n 1)"
		echo "* Debian packages it has parts of: $("$work/release" linked "$work/$target.map")"
	done
	echo
	echo "Check the files before anything is run from them, and build them again: docs/release.md."
	echo
	echo "What changed:"
	echo
	sed -n '/^## /,$p' CHANGELOG.md | sed -n '2,$p' | sed '/^## /,$d'
}

# sign writes the list of hashes, and its signature where there is a key.
sign() {
	rm "$out/.unfinished"
	(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs -d '\n' sha256sum) >"$work/SHA256SUMS"
	mv "$work/SHA256SUMS" "$out/SHA256SUMS"
	if [ -z "${SIGN_KEY:-}" ]; then
		say "NOT SIGNED: give SIGN_KEY=FILE, the private half of a key in docs/release-signers"
		return
	fi
	scripts/release/sign.sh "$SIGN_KEY" "$out/SHA256SUMS"
	say "signed with $SIGN_KEY"
}

# small holds byok-offline to its size.
small() {
	local size
	size=$(stat -c %s "$(program byok-offline "$1")")
	[ "$size" -le "$largest" ] || say "byok-offline for $1 has $size bytes, more than the $largest that it should have"
}

[ -z "${SIGN_KEY:-}" ] || scripts/release/sign.sh "$SIGN_KEY" # before minutes of building
fresh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in "${programs[@]}"; do
	[ -d "cmd/$name" ] || fail "there is no cmd/$name"
done
"$go" build -trimpath -o "$work/release" ./internal/release
for name in "${programs[@]}"; do # what this machine runs
	"$go" build "${build[@]}" -ldflags "$LDFLAGS" -o "$work/$name" "./cmd/$name"
done
pages
cp -r "$work/man" "$work/completions" "$out"
for target in "${targets[@]}"; do
	for name in "${programs[@]}"; do
		compile "$name" "$target"
		papers "$name" "$target"
	done
	small "$target"
	case $target in
	linux-*) for name in "${programs[@]}"; do deb "$name" "$target"; done ;;
	windows-*) archive "$target" ;;
	esac
done
notes >"$out/RELEASE-NOTES.md"
sign
say "$version is in $out"
