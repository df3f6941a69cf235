#!/usr/bin/env bash
# Prints which commit this source is, the same in a checkout and in an archive of
# the commit: flags for Go's linker, or with a word one of them.
#
# usage: scripts/stamp.sh [commit|time|epoch|modified]
#
# An archive ("git archive", or a download from where the project is) holds the
# commit in archive.txt, which git fills in. Where neither is known, there is
# nothing to print, and a program says "unknown".
set -euo pipefail
cd "$(dirname "$0")/.."

commit="" epoch="" modified=false
if [ -e .git ]; then
	# A folder that git does not trust, such as another user's, names no commit.
	if read -r commit epoch < <(git show -s --format='%H %ct' HEAD 2>/dev/null); then
		[ -z "$(git --no-optional-locks status --porcelain 2>/dev/null)" ] || modified=true
	fi
else
	read -r commit epoch <scripts/archive.txt
	case $commit in *[!0-9a-f]*) commit="" epoch="" ;; esac
fi
time=${epoch:+$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)}

case "${1:-}" in
"")
	at=byok/internal/version
	[ -z "$commit" ] || echo "-X $at.commit=$commit -X $at.committed=$time -X $at.modified=$modified"
	;;
commit) echo "$commit" ;;
time) echo "$time" ;;
epoch) echo "$epoch" ;;
modified) echo "$modified" ;;
*)
	echo "usage: scripts/stamp.sh [commit|time|epoch|modified]" >&2
	exit 2
	;;
esac
