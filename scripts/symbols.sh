#!/usr/bin/env bash
# Leaves out of a program's symbol table what is not a function: the names of
# literals, variables and tables, a quarter of the table. Nothing else of the file is
# changed, the time in a PE file neither, and functions keep their names, by which
# check-offline and others judge it.
#
# usage: scripts/symbols.sh PROGRAM [PREFIX]    PREFIX of another platform's binutils,
#                                               such as aarch64-linux-gnu-
set -euo pipefail
program=${1:?usage: scripts/symbols.sh PROGRAM [PREFIX]}
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Symbols of data that share their name with no function. objcopy ends a name
# at a space, so those with one are given as patterns, which take it longer.
"${2:-}nm" "$program" | sed -nE 's/^[0-9a-f]+ ([bdrtBDRT]) /\1 /p' |
	awk '{ kind = $1; sub(/^. /, ""); seen[$0] = seen[$0] kind }
		END { for (name in seen) if (seen[name] !~ /[tT]/) print name }' | sort >"$work/names"
grep -v ' ' "$work/names" >"$work/plain" || true
grep ' ' "$work/names" | sed -E 's/[][*?\\!]/\\&/g; s/ /?/g' >"$work/patterns" || true
"${2:-}objcopy" --preserve-dates --strip-symbols="$work/plain" "$program"
"${2:-}objcopy" --preserve-dates --wildcard --strip-symbols="$work/patterns" "$program"
