#!/usr/bin/env bash
# Signs a file of a release with the key of whoever releases, and checks the
# signature as a reader does: by docs/release-signers.
#
# usage: scripts/release/sign.sh KEY         says whether KEY may sign a release
#        scripts/release/sign.sh KEY FILE    writes FILE.sig
#
# KEY is an SSH key's private half, or its public half while an agent holds the other.
set -euo pipefail
cd "$(dirname "$0")/../.."

key=${1:?usage: scripts/release/sign.sh KEY [FILE]}
file=${2:-}
if [ -z "$file" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	file=$work/trial
	echo "No release: whether this key signs." >"$file"
fi

ssh-keygen -q -Y sign -f "$key" -n byok-release "$file" </dev/null || {
	echo "release: $key cannot sign: give SIGN_KEY the private half of an SSH key" >&2
	exit 1
}
if ! ssh-keygen -q -Y verify -f docs/release-signers -I byok -n byok-release -s "$file.sig" <"$file" >/dev/null 2>&1; then
	rm "$file.sig"
	echo "release: $key may not sign a release: its public half is not in docs/release-signers" >&2
	exit 1
fi
