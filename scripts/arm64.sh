#!/usr/bin/env bash
# Both programs for arm64, under qemu's user mode, as far as that goes. It has no
# seccomp, so byok-offline refuses to run, which is shown; what it does is tested in
# its packages, with Debian's SoftHSM for arm64 where they load a library. byok-online
# holds the connected side of a ceremony. Minutes.
#
# usage: scripts/arm64.sh       GO and BUILD_TAGS as in the Makefile
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
tags=${BUILD_TAGS:?run "make test-arm64"}
work=$(mktemp -d "${TMPDIR:-/tmp}/byok-arm64.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/tools" "$work/tmp"
export TMPDIR=$work/tmp
scripts/arm64-root.sh "$work/root" libsofthsm2 libssl3 libstdc++6 libgcc-s1 libc6
emulator=(qemu-aarch64-static -L "$work/root")
export BYOK_KMDATA=$work/kmdata

# row WHAT COMMAND…: a line of the table.
row() {
	local what=$1 said
	shift
	if ! said=$("$@" 2>&1); then
		printf '%-44s FAILED\n%s\n' "$what" "$said"
		exit 1
	fi
	printf '%-44s runs\n' "$what"
}

# refuses WHAT: byok-offline ends with status 1 and says what the kernel lacks.
refuses() {
	local said status=0
	said=$("${emulator[@]}" "$work/byok-offline" version 2>&1) || status=$?
	if [ "$status" -ne 1 ] || ! grep -q 'the kernel did not take the filter of system calls: function not implemented' <<<"$said"; then
		printf '%-44s FAILED: status %s\n%s\n' "$1" "$status" "$said"
		exit 1
	fi
	printf '%-44s refuses: no seccomp under qemu\n' "$1"
}

arm64() { GOARCH=arm64 CGO_ENABLED=$1 CC=aarch64-linux-gnu-gcc "$go" "${@:2}"; }
arm64 1 build -trimpath -tags "$tags" -o "$work/byok-offline" ./cmd/byok-offline
arm64 0 build -trimpath -tags "$tags" -o "$work/byok-online" ./cmd/byok-online
"$go" build -trimpath -tags "$tags" -o "$work/bin/" ./cmd/byok-offline ./cmd/byok-online

refuses "byok-offline"
printf text >"$work/file"
row "byok-online version" "${emulator[@]}" "$work/byok-online" version
row "byok-online --help" "${emulator[@]}" "$work/byok-online" --help
row "byok-online fingerprint" "${emulator[@]}" "$work/byok-online" fingerprint "$work/file"
row "byok-online toolset list" "${emulator[@]}" "$work/byok-online" toolset list
row "byok-online, the connected side of a ceremony" env BYOK_BIN="$work/bin" \
	scripts/connected.sh "${emulator[@]}" "$work/byok-online"

# tests CGO PACKAGE: those of a package of internal. A program that they start, such as
# openssl, now and then does not come up under qemu, which forks with threads that hold
# its locks: they are run a second time then.
tests() {
	local what="tests of internal/$2" said status=124 runs=0
	while [ "$status" -eq 124 ] && [ $((++runs)) -le 2 ]; do
		status=0
		said=$(GOARCH=arm64 CGO_ENABLED=$1 CC=aarch64-linux-gnu-gcc timeout --kill-after=10 300 \
			"$go" test -tags "$tags" -count=1 -exec "${emulator[*]}" "./internal/$2" 2>&1) || status=$?
	done
	if [ "$status" -ne 0 ]; then
		printf '%-44s FAILED: status %s\n%s\n' "$what" "$status" "$said"
		exit 1
	fi
	printf '%-44s pass\n' "$what"
}
for package in base64url cards fingerprint kek keykind keyset keywrap officer quorum statement strictjson toolset transfer; do
	tests 0 "$package"
done
# The library that some of them have between themselves and SoftHSM.
export TEST_SHARED=$work/shared
mkdir "$TEST_SHARED"
aarch64-linux-gnu-gcc -shared -fPIC -fvisibility=hidden -Wl,-z,nodelete '-DSHIM_REAL="/usr/lib/softhsm/libsofthsm2.so"' \
	-I "$("$go" list -m -f '{{.Dir}}' github.com/miekg/pkcs11)" -o "$TEST_SHARED/shim.so" internal/hsm/shim/csrc/*.c -ldl -pthread
# One package compiles libraries of its own, by a compiler that is not emulated.
ln -s "$(command -v aarch64-linux-gnu-gcc)" "$work/tools/cc"
PATH=$work/tools:$PATH
for package in c11 derivation inventory native p11 publickey restoring signing templates tokens trust wrapping; do
	tests 1 "hsm/$package"
done
