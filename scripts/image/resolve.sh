#!/usr/bin/env bash
# Downloads the packages that packages.txt lists, each by name, version and SHA-256,
# or writes the list anew from what Debian has today.
#
# usage: scripts/image/resolve.sh fetch|renew
#
#   BYOK_IMAGE=FOLDER   where they are kept (default: byok-image in the user's cache folder)
#
# The packages come from the mirrors that this machine's apt uses, or from
# IMAGE_MIRROR and IMAGE_SECURITY_MIRROR. A mirror keeps no old versions; Debian's
# snapshot archive does: IMAGE_MIRROR=…/archive/debian/20261126T000000Z.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
list=$here/packages.txt
suite=trixie

# What is asked for: installed in the image, installed in the root that the image is
# made in, and unpacked only. What it depends on follows, without recommendations.
roots=('?essential' systemd-standalone-sysusers udev kmod sysvinit-core kbd console-data mount login openssl softhsm2)
tools=('?essential' squashfs-tools xorriso grub-common grub-pc-bin mtools dosfstools cpio kmod xz-utils binutils)
parts=(shim-signed grub-efi-amd64-signed busybox-static) # and the kernel

fail() {
	echo "image: $*" >&2
	exit 1
}

# mirror LABEL: the address of Debian's archive of that label in this machine's apt.
mirror() {
	# shellcheck disable=SC2016 # apt's
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' | awk -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

# settings gives apt a state of its own in the cache: nothing of this machine's.
settings() {
	local main=${IMAGE_MIRROR:-$(mirror Debian)} security=${IMAGE_SECURITY_MIRROR:-$(mirror Debian-Security)}
	local trusted='arch=amd64 check-valid-until=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg'
	[ -n "$main" ] || fail "this machine's apt has no mirror of Debian; set IMAGE_MIRROR and IMAGE_SECURITY_MIRROR"
	mkdir -p "$apt"/{lists,archives}/partial
	: >"$apt/status"
	printf 'deb [%s] %s %s main\n' "$trusted" "$main" "$suite" ${security:+"$trusted" "$security" "$suite-security"} >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Dir::State::status "$apt/status";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt";
		Dir::Cache::archives "$apt/archives";
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
	END
	export APT_CONFIG=$apt/apt.conf
	apt-get update -qq
}

# closure PACKAGE…: the packages with all that they depend on, as "name version".
closure() { apt-get install -s -qq "$@" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' | LC_ALL=C sort; }

# kernel: the signed kernel's package that Debian's own name for it stands for.
kernel() { apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p'; }

# newest PACKAGE…: the packages alone, as "name version".
newest() { apt-cache show --no-all-versions "$@" | awk '/^Package:/ { name = $2 } /^Version:/ { print name, $2 }' | LC_ALL=C sort; }

# wanted prints the lines of the list to be: section, name, version.
wanted() {
	closure "${roots[@]}" | sed 's/^/root /'
	closure "${tools[@]}" | sed 's/^/tool /'
	newest "${parts[@]}" "$(kernel)" | sed 's/^/part /'
}

# download reads lines "section name version" and downloads what is not there.
download() {
	local name version
	sed 's/^[a-z]* //' | cut -d ' ' -f 1,2 | sort -u | while read -r name version; do
		[ -e "$debs/$name.deb" ] && [ "$(dpkg-deb -f "$debs/$name.deb" Version)" = "$version" ] && continue
		echo "$name=$version"
	done >"$apt/missing"
	[ -s "$apt/missing" ] || return 0
	echo "image: downloading $(wc -l <"$apt/missing") packages" >&2
	(cd "$apt/archives" && xargs apt-get download -qq <"$apt/missing") ||
		fail "a version that $list names is not at the mirror: give a snapshot's address in IMAGE_MIRROR, or renew the list: make image-packages"
	for deb in "$apt"/archives/*.deb; do
		mv "$deb" "$debs/$(dpkg-deb -f "$deb" Package).deb"
	done
}

# hashed adds the SHA-256 to lines "section name version".
hashed() {
	while read -r section name version; do
		echo "$section $name $version $(sha256sum "$debs/$name.deb" | cut -d ' ' -f 1)"
	done
}

# renew writes the list anew. Its time is the newest package's, rounded to the day.
renew() {
	settings
	wanted >"$apt/wanted"
	download <"$apt/wanted"
	{
		echo "# The packages of the offline image, pinned: section, name, version, SHA-256. root: installed in"
		echo "# it; tool: installed in the root that it is made in; part: unpacked. Written by make image-packages."
		echo "# time: $(date -u +%Y-%m-%dT00:00:00Z)"
		hashed <"$apt/wanted"
	} >"$list.new"
	mv "$list.new" "$list"
}

# fetch downloads what the list names, and compares every package with it.
fetch() {
	grep -v '^#' "$list" >"$apt/wanted"
	if ! sums >/dev/null 2>&1; then
		settings
		download <"$apt/wanted"
		sums >"$apt/sums" 2>&1 || fail "not as $list names it: $(grep -m 1 FAILED "$apt/sums")"
	fi
}

sums() { (cd "$debs" && awk '{ print $4 "  " $2 ".deb" }' "$apt/wanted" | sort -u | sha256sum -c --quiet); }

cache=${BYOK_IMAGE:-${XDG_CACHE_HOME:-$HOME/.cache}/byok-image}
apt=$cache/apt
debs=$cache/debs
mkdir -p "$apt" "$debs"
case ${1:-} in
fetch | renew) "$1" ;;
*) fail "usage: scripts/image/resolve.sh fetch|renew" ;;
esac
