#!/usr/bin/env bash
# Runs "go test -v" with the arguments given and prints what a person wants of
# it: a line a package, every count ("1186 of 1186 caught"), all that a failed
# test said, and what took longest. The whole output is in bin/test.log.
#
# The tests have a temporary folder of their own, one in memory, and one for what
# they share. It fails if a test leaves a file, a mount or a process there, or
# anything of the programs in the user's own folders, and names it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
mkdir -p bin
log=bin/test.log

scratch=$(mktemp -d "${TMPDIR:-/tmp}/bt.XXXX") || exit # short: a socket's path has at most 107 bytes
memory=$(mktemp -d /dev/shm/bt.XXXX 2>/dev/null || mktemp -d "${TMPDIR:-/tmp}/bt.XXXX") || exit
trap 'rm -rf "$scratch" "$memory"' EXIT
: >"$scratch/began"
mkdir "$scratch/t" "$scratch/shared"
chmod 755 "$scratch" "$scratch/t" "$memory" # some tests run a program as another user

# processes lists those that run with the temporary folder, or in it.
processes() {
	local p
	for p in /proc/[0-9]*; do
		if grep -zqsF "=$scratch/" "$p/environ" || [[ $(readlink "$p/cwd" "$p/exe") == *"$scratch/"* ]]; then
			echo "process ${p#/proc/}: $(tr '\0' ' ' <"$p/cmdline")"
		fi
	done 2>/dev/null
}

# users lists what is new of the programs in this user's folders.
users() {
	local folder
	for folder in "${XDG_CONFIG_HOME:-$HOME/.config}" "${XDG_CACHE_HOME:-$HOME/.cache}" "${XDG_DATA_HOME:-$HOME/.local/share}"; do
		find "$folder" -maxdepth 3 -path "$folder/byok*" -newer "$scratch/began" 2>/dev/null
	done
}

# leftovers lists all that the tests left behind.
leftovers() {
	find "$scratch/t" "$memory" -mindepth 1 -maxdepth 2
	grep -sF " $scratch/" /proc/mounts
	processes
}

# sweep removes the locks of the sessions that tests killed: nothing else does,
# before there is another session with the same token.
sweep() {
	find /tmp -maxdepth 1 -user "$(id -u)" -name 'byok-token-*.lock' -newer "$scratch/began" -exec flock -n {} rm -f {} \; 2>/dev/null
}

# longest FORM N: the N longest of what the form finds in the log, as "SECONDS NAME".
longest() { sed -nE "$1" "$log" | sort -rn | head -n "$2"; }

# The tests send signals, which a run in the background or under nohup ignores.
# The scripts of internal/ceremonytest look at their own folders, and compare
# lines that break by how long their paths are: these stay where they are.
export GOTMPDIR=${TMPDIR:-/tmp}
TMPDIR=$scratch/t TEST_SHARED=$scratch/shared TEST_MEMORY=$memory \
	env --default-signal "${GO:-go}" test -v "$@" 2>&1 | tee "$log" |
	grep --line-buffered -E '^(ok|FAIL|panic)|^ *--- FAIL|[0-9]+ of [0-9]+\b.*(caught|survived|told|log|matrix)|: [0-9]+ of [0-9]+$'
status=${PIPESTATUS[0]}
if [ "$status" -ne 0 ]; then
	echo "What the failed tests said (all of it is in $log):"
	grep -vE '^(=== |--- PASS|ok|\?)|^ +--- PASS' "$log" | tail -n 400
fi

sweep
left=$(leftovers)
if [ -n "$left" ]; then
	printf 'The tests left this behind:\n%s\n' "$left"
	status=1
fi
# Whoever uses byok meanwhile makes such files too, so that this fails nothing.
made=$(users)
if [ -n "$made" ]; then
	printf 'Made meanwhile in this user'"'"'s folders, by the tests or by somebody else:\n%s\n' "$made"
fi

echo "What took longest, in seconds (two packages run at a time):"
longest 's/^(ok|FAIL)\s+byok\/(\S+)\s+([0-9.]+)s.*/\3 \2/p' 6
longest 's/^--- (PASS|FAIL): (\S+) \(([0-9.]+)s\)/\3 \2/p' 12
echo "make test took $((SECONDS / 60)) min $((SECONDS % 60)) s."
exit "$status"
