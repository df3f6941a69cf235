#!/usr/bin/env bash
# Installs what make built, or removes what is installed: programs, manual pages and
# completions. "make install" and "make uninstall" call it.
#
# usage: scripts/install.sh BIN PREFIX
#        scripts/install.sh --remove PREFIX [LINK…]    LINK: a name of a retired tool
#
# BIN is the folder with the programs; they write their pages and completions themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=(byok-offline byok-online)

# remove PREFIX [LINK…] removes what an installation put there, and the folders that
# are empty then, up to PREFIX. A link is removed only if it leads to a program here.
remove() {
	local prefix=$1 name
	shift
	for name in "$@"; do
		case $(readlink "$prefix/bin/$name" || true) in
		byok-offline | byok-online) rm "$prefix/bin/$name" ;;
		esac
	done
	for name in "${programs[@]}"; do
		rm -f "$prefix/bin/$name" "$prefix/share/man/man1/$name".1 "$prefix/share/man/man1/$name"-*.1 \
			"$prefix/share/bash-completion/completions/$name" "$prefix/share/zsh/site-functions/_$name" \
			"$prefix/share/fish/vendor_completions.d/$name.fish"
	done
	[ -d "$prefix" ] || return 0
	(cd "$prefix" && for name in bin share/man/man1 share/bash-completion/completions share/zsh/site-functions \
		share/fish/vendor_completions.d; do
		[ ! -d "$name" ] || rmdir -p --ignore-fail-on-non-empty "$name"
	done)
	case $prefix in # what every system has, also while it is empty
	/usr | /usr/local) install -d "$prefix/bin" "$prefix/share/man" ;;
	esac
}

if [ "${1:-}" = --remove ]; then
	remove "${@:2}"
	exit
fi
bin=$1 prefix=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# complete NAME SHELL FILE installs what a shell completes.
complete() {
	"$bin/$1" completion "$2" >"$work/completion"
	install -D -m 644 "$work/completion" "$prefix/share/$3"
}

for name in "${programs[@]}"; do
	install -D -m 755 "$bin/$name" "$prefix/bin/$name"
	"$bin/$name" manual --to "$work/man" >/dev/null
	complete "$name" bash "bash-completion/completions/$name"
	complete "$name" zsh "zsh/site-functions/_$name"
	complete "$name" fish "fish/vendor_completions.d/$name.fish"
done
install -d "$prefix/share/man/man1"
install -m 644 "$work"/man/*.1 "$prefix/share/man/man1"
