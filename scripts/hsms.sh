#!/usr/bin/env bash
# Runs both programs with real PKCS#11 libraries, inside a Debian root: a check of
# each module, then for each type of key a whole ceremony, or the refusal that the
# module must get. Prints a table, and writes it into docs/hsm/README.md where every
# module was run and all is as it should be.
#
# usage: scripts/hsms.sh [NAME…]    NAME.sh in scripts/hsms (default: all of them)
#
# It needs root, debootstrap and a kernel with overlayfs. The root is made once:
#
#   BYOK_HSMS=FOLDER   where (default: byok-hsms in the user's cache folder)
#   BYOK_BIN=FOLDER    where the two programs are (default: bin)
#
# Each script runs over a copy of the root that is gone afterwards, in namespaces of
# its own: it has no network but loopback, and what it starts ends with it.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${BYOK_HSMS:-${XDG_CACHE_HOME:-$HOME/.cache}/byok-hsms}
bin=$(realpath "${BYOK_BIN:-bin}")
suite=sid
root=$cache/$suite
results=$cache/results
page=docs/hsm/README.md

fail() {
	echo "hsms: $*" >&2
	exit 1
}

# head_of NAME WORD: what the head of a script says of itself.
head_of() { sed -n "s/^# $2: //p" "scripts/hsms/$1.sh"; }

# prepare makes the root and installs what the scripts need and it lacks.
prepare() {
	local packages missing
	mkdir -p "$cache"
	exec 9>"$cache.lock"
	flock 9
	if [ ! -e "$root/.ready" ]; then
		echo "hsms: debootstrap of Debian $suite into $root" >&2
		rm -rf "$root"
		debootstrap --variant=minbase "$suite" "$root" >"$cache/debootstrap.log" 2>&1 || fail "debootstrap failed: $cache/debootstrap.log"
		touch "$root/.ready"
	fi
	mapfile -t packages < <({ echo iproute2; for name in "${names[@]}"; do head_of "$name" packages | tr ' ' '\n'; done; } | sort -u)
	mapfile -t missing < <(for p in "${packages[@]}"; do
		# shellcheck disable=SC2016 # dpkg's
		chroot "$root" dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || echo "$p"
	done)
	if [ ${#missing[@]} -gt 0 ]; then
		echo "hsms: installing into $root: ${missing[*]}" >&2
		install_in_root "${missing[@]}" >"$cache/install.log" 2>&1 || fail "installing failed: $cache/install.log"
	fi
	exec 9>&-
}

# install_in_root installs packages. No daemon of theirs is started. A mirror may
# lag behind the validity of its lists, which does no harm to a test.
install_in_root() {
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --pid --fork --mount-proc env DEBIAN_FRONTEND=noninteractive LC_ALL=C bash -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		chroot "$root" apt-get -o Acquire::Check-Valid-Until=false update
		chroot "$root" apt-get install -y --no-install-recommends "$@"' _ "$root" "$@"
}

# enter ROOT BIN SCRIPTS RESULTS NAME: runs a script over a copy of the root, in
# the namespaces that it finds itself in.
enter() {
	set -e
	local over
	over=$(mktemp -d)
	mount -t tmpfs tmpfs "$over"
	mkdir "$over"/{changed,work,root}
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$over/changed,workdir=$over/work" "$over/root"
	cd "$over/root"
	mount -t proc proc proc
	mount --rbind /dev dev
	mount -t tmpfs tmpfs dev/shm
	mount -t tmpfs -o mode=755 tmpfs run
	mount -t tmpfs tmpfs tmp
	mkdir -p run/lock opt/byok/{bin,scripts,results}
	mount --bind "$2" opt/byok/bin
	mount --bind "$3" opt/byok/scripts
	mount --bind "$4" opt/byok/results
	exec env -i PATH=/opt/byok/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		BYOK_BIN=/opt/byok/bin HSM="$5" chroot . bash "/opt/byok/scripts/hsms/$5.sh"
}

# try NAME runs one script. What it prints goes into a file.
try() {
	echo "hsms: $1" >&2
	rm -f "$results/$1".*
	timeout 1800 unshare --mount --pid --ipc --uts --net --fork --kill-child --mount-proc bash -c "$(declare -f enter); enter \"\$@\"" _ \
		"$root" "$bin" "$PWD/scripts" "$results" "$1" >"$results/$1.log" 2>&1 && return
	printf '%s\t%s\t-\t-\tFAILED: see %s\n' "$1" - "$results/$1.log" >>"$results/$1.rows"
	tail -n 5 "$results/$1.log" >&2
}

# table prints the rows as a table of Markdown.
table() {
	echo '| module | version | key | guard | result |'
	echo '| --- | --- | --- | --- | --- |'
	for name in "${names[@]}"; do
		cat "$results/$name.rows"
	done | sed 's/\t/ | /g; s/^/| /; s/$/ |/'
}

# record puts the table between the markers of the page.
record() {
	local text
	text=$(table; printf '\n%s on %s, Debian %s, byok %s.\n' "$sum" "$(date -u +%F)" "$suite" "$version")
	TEXT=$text perl -0pi -e 's/(<!-- make hsms -->\n).*(<!-- end -->)/$1$ENV{TEXT}\n$2/s or die "no markers\n"' "$page"
	echo "hsms: written into $page" >&2
}

[ "$(id -u)" -eq 0 ] || fail "needs root, for debootstrap and chroot"
for command in debootstrap unshare flock; do
	command -v "$command" >/dev/null || fail "please install $command, then run again"
done
for program in byok-offline byok-online; do
	[ -x "$bin/$program" ] || fail "please run make build first"
done

mapfile -t all < <(cd scripts/hsms && grep -l '^# packages: ' -- *.sh | sed 's/\.sh$//')
names=("$@")
[ $# -gt 0 ] || names=("${all[@]}")
for name in "${names[@]}"; do
	[ -n "$(head_of "$name" packages)" ] || fail "no module $name in scripts/hsms"
done
version=$("$bin/byok-offline" --version | sed 's/.* //; q')
prepare
mkdir -p "$results"
for name in "${names[@]}"; do
	try "$name"
done
table
rows=$(table | tail -n +3 | wc -l)
failed=$(table | grep -c ' FAILED: ' || true)
sum="$((rows - failed)) of $rows as they should be"
echo "$sum"
[ "$failed" -eq 0 ] || fail "$failed failed; logs are in $results"
[ $# -gt 0 ] || record
