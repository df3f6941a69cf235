#!/usr/bin/env bash
# Installs what the demo, the tests, lint or the runs in a Debian root need
# and this machine lacks, on Debian and its relatives. It says what it installs;
# where it cannot install, it says what to install and fails.
#
# usage: scripts/setup.sh demo|test|lint|pages|bare|hsms|release|windows|windows-ceremony|arm64|arm64-kernel|image
set -euo pipefail

# need COMMAND-OR-FILE PACKAGE: notes PACKAGE unless COMMAND-OR-FILE is there.
missing=()
need() { [ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

# library NAME PACKAGE: notes PACKAGE unless a system folder has the library.
library() {
	local path
	for path in /usr/lib/"$1" /usr/lib/*/"$1" /usr/lib64/"$1"; do
		[ -e "$path" ] && return
	done
	missing+=("$2")
}

# compiler: Go is not installed here, because Debian's is older than go.mod asks for.
compiler() {
	if ! command -v "${GO:-go}" >/dev/null 2>&1; then
		echo "setup: please install Go 1.26 or later, then run again" >&2
		exit 1
	fi
	need cc gcc
	need /usr/include/stdlib.h libc6-dev
}

case "${1:-}" in
demo)
	library softhsm/libsofthsm2.so softhsm2
	compiler
	;;
test)
	library softhsm/libsofthsm2.so softhsm2
	compiler
	need openssl openssl
	need ssh-keygen openssh-client # signs and checks a release
	need age age
	need strace strace
	need pkcs11-tool opensc
	# Readers of what is generated: manual pages and completions.
	need mandoc mandoc
	need groff groff-base
	need zsh zsh
	need fish fish
	# File systems of sticks, for kernels that lack them too:
	need mkfs.vfat dosfstools
	need fusefat fusefat
	need mkfs.exfat exfatprogs
	need mount.exfat-fuse exfat-fuse
	need ntfs-3g ntfs-3g
	# Two more PKCS#11 libraries, which must be found wanting:
	library libsoftokn3.so libnss3
	need certutil libnss3-tools
	library p11-kit-proxy.so p11-kit-modules
	library libtpm2_pkcs11.so.1 libtpm2-pkcs11-1
	library libtss2-tcti-swtpm.so.0 libtss2-tcti-swtpm0
	need swtpm swtpm
	need /usr/bin/python3 python3 # Debian's own, for which Debian's Azure SDK is
	need node nodejs
	need npm npm # with the JavaScript SDK
	;;
lint)
	compiler
	need shellcheck shellcheck
	;;
pages)
	compiler
	need chromium chromium
	need /usr/share/fonts/truetype/liberation fonts-liberation
	;;
bare)
	need debootstrap debootstrap
	need unshare util-linux
	;;
release)
	compiler
	need x86_64-linux-gnu-gcc gcc-x86-64-linux-gnu
	need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	need /usr/aarch64-linux-gnu/include/stdlib.h libc6-dev-arm64-cross
	need x86_64-w64-mingw32-gcc-win32 gcc-mingw-w64-x86-64-win32
	need readelf binutils
	need dpkg-deb dpkg
	need zip zip
	need ssh-keygen openssh-client
	need git git
	;;
windows)
	library softhsm/libsofthsm2.so softhsm2
	compiler
	need /usr/lib/wine/wine64 wine64
	need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32
	;;
windows-ceremony)
	compiler
	need /usr/lib/wine/wine64 wine64
	need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32
	need x86_64-w64-mingw32-g++-posix g++-mingw-w64-x86-64-posix
	# To build SoftHSM's DLL:
	need make make
	need perl perl
	need curl curl
	need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	;;
arm64)
	library softhsm/libsofthsm2.so softhsm2
	compiler
	need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	need /usr/aarch64-linux-gnu/include/stdlib.h libc6-dev-arm64-cross
	need qemu-aarch64-static qemu-user-static
	need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	;;
arm64-kernel)
	compiler
	need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	need /usr/aarch64-linux-gnu/include/stdlib.h libc6-dev-arm64-cross
	need qemu-system-aarch64 qemu-system-arm
	need cpio cpio
	need openssl openssl
	need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	;;
image)
	compiler
	need mmdebstrap mmdebstrap
	need unshare util-linux
	need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	# For make test-image:
	need qemu-system-x86_64 qemu-system-x86
	need /usr/share/seabios/bios.bin seabios
	need /usr/share/OVMF/OVMF_CODE_4M.fd ovmf
	need mkfs.vfat dosfstools
	need mkfs.exfat exfatprogs
	need mmd mtools
	;;
hsms)
	compiler
	need debootstrap debootstrap
	need unshare util-linux
	need perl perl-base
	;;
*)
	echo "usage: scripts/setup.sh demo|test|lint|pages|bare|hsms|release|windows|windows-ceremony|arm64|arm64-kernel|image" >&2
	exit 2
	;;
esac

# sdk puts the service's Python and JavaScript SDKs into a cache, for the tests.
sdk() {
	[ "$1" = test ] || return 0
	scripts/python-sdk.sh >/dev/null
	scripts/js-sdk.sh >/dev/null
}

if [ ${#missing[@]} -eq 0 ]; then
	sdk "$1"
	exit
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "setup: please install the equivalent of these Debian packages, then run again: ${missing[*]}" >&2
	exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "setup: please have root run: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	sudo=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${sudo[@]}" apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
sdk "$1"
