# shellcheck shell=bash disable=SC2154 # variables of release.sh
# The Debian packages of a release: a part of scripts/release.sh, with its variables.

maintainer="byok maintainers <maintainers@byok.invalid>" # .invalid (RFC 2606): there is no address to write to
debversion=${version/-/\~}                               # which dpkg takes as older than the release

# stanza FILE NAME: the lines of a file in this folder that are of one package.
stanza() { sed -n "/^$2:\$/,/^\$/p" "scripts/release/$1" | sed -e 1d -e '/^$/d'; }

# zipped FILE: standard input, the same bytes each time.
zipped() { gzip -9nc >"$1"; }

# deb NAME TARGET: the Debian package of a program.
deb() {
	local name=$1 target=$2 root=$work/deb/$1-$2 share
	share=$root/usr/share
	install -D -m 755 "$(program "$name" "$target")" "$root/usr/bin/$name"
	doc "$share/doc/$name" "$name" "$target"
	sed "s/YEAR/$(date -u -d "@$epoch" +%Y)/" scripts/release/copyright >"$share/doc/$name/copyright"
	changelog "$name" | zipped "$share/doc/$name/changelog.gz"
	zipped "$share/doc/$name/CHANGELOG.md.gz" <CHANGELOG.md
	book "$name" "$share/doc/$name"
	shells "$name" "$share"
	mkdir -p "$share/lintian/overrides"
	stanza overrides "$name" >"$share/lintian/overrides/$name"
	control "$name" "$target" "$root"
	find "$root" -type d -exec chmod 755 {} +
	find "$root" -type f ! -path '*/bin/*' -exec chmod 644 {} +
	find "$root" -exec touch -h -d "@$epoch" {} +
	dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" \
		"$out/${name}_${debversion}_${target#*-}.deb" >/dev/null
}

# shells NAME SHARE: manual pages, and completions where the program has them.
shells() {
	local page
	mkdir -p "$2/man/man1"
	for page in "$work/man/$1"[.-]*; do zipped "$2/man/man1/${page##*/}.gz" <"$page"; done
	[ -d "$work/completions/$1" ] || return 0
	install -D -m 644 "$work/completions/$1/bash" "$2/bash-completion/completions/$1"
	install -D -m 644 "$work/completions/$1/zsh" "$2/zsh/vendor-completions/_$1"
	install -D -m 644 "$work/completions/$1/fish" "$2/fish/vendor_completions.d/$1.fish"
}

# changelog NAME: the package's own, which has one entry, and says where the project's is.
changelog() {
	echo "$1 ($debversion) unstable; urgency=medium"
	echo
	echo "  * Commit $commit."
	echo "    What changed: CHANGELOG.md.gz, beside this file."
	echo
	echo " -- $maintainer  $(date -u -R -d "@$epoch")"
}

# control NAME TARGET ROOT writes what dpkg has to know. The C library is the oldest
# that has what the program calls.
control() {
	local libc size
	libc=$(readelf -V "$3/usr/bin/$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | cut -d_ -f2 || true) # none: static
	size=$(du -k --apparent-size -s "$3/usr" | cut -f1)
	mkdir -p "$3/DEBIAN"
	stanza control "$1" | sed -e "s/LIBC/$libc/" -e "s/SIZE/$size/" -e "s/VERSION/$debversion/" -e "s/ARCH/${2#*-}/" \
		-e "s/MAINTAINER/$maintainer/" >"$3/DEBIAN/control"
	(cd "$3" && find usr -type f | sort | xargs md5sum) >"$3/DEBIAN/md5sums"
}

# manual NAME writes the manual page of a program that has only a help text, which it is.
manual() {
	{
		echo ".TH \"${1^^}\" 1 \"$(date -u -d "@$epoch" +%Y-%m-%d)\" \"$1 $version\" \"User Commands\""
		echo ".SH NAME"
		echo "$1 \\- $(stanza control "$1" | sed -n 's/^Description: //p')"
		echo ".SH DESCRIPTION"
		echo ".nf"
		"$work/$1" --help | sed -e 's/[\\]/\\e/g' -e 's/-/\\-/g' -e "s/^[.']/\\\\\&&/"
		echo ".fi"
	} >"$work/man/$1.1"
}
