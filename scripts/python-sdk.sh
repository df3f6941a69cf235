#!/usr/bin/env bash
# Makes the service's own Python SDK (azure-keyvault-keys) available to the
# tests, and prints the folder to put on PYTHONPATH for /usr/bin/python3.
#
# It comes from Debian's packages, which are unpacked into a cache folder and
# not installed: python3-azure would bring half a gigabyte and thirty packages
# that nothing here needs. Once the folder is there, no network is used.
#
#   BYOK_PYTHON_SDK=FOLDER   where the SDK is; nothing is fetched then
#   XDG_CACHE_HOME=FOLDER    where the cache is (default: ~/.cache)
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/byok/python-sdk
folder=${BYOK_PYTHON_SDK:-$cache}
python=/usr/bin/python3

# What azure-keyvault-keys imports, by Debian's names. Of python3-azure only
# the parts in sdk are unpacked.
packages=(python3-azure python3-certifi python3-cffi-backend python3-chardet python3-charset-normalizer python3-cryptography
	python3-idna python3-isodate python3-requests python3-six python3-typing-extensions python3-urllib3)
sdk=(azure/__init__.py azure/core azure/common azure/profiles azure/keyvault/keys)
dist=usr/lib/python3/dist-packages

fail() {
	echo "python-sdk: $*" >&2
	exit 1
}

# works FOLDER: the SDK there can be used, without anything installed beside it.
works() { PYTHONPATH=$1 "$python" -S -s -c 'import azure.keyvault.keys.crypto' 2>/dev/null; }

fetch() {
	apt-get -q -o APT::Sandbox::User=root download "${packages[@]}" >&2
}

[ -x "$python" ] || fail "please install Debian's own Python: apt-get install python3"
if works "$folder"; then
	echo "$folder"
	exit 0
fi
[ "$folder" = "$cache" ] || fail "BYOK_PYTHON_SDK=$folder holds no azure-keyvault-keys that works with $python"
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	fail "this needs apt-get and dpkg-deb. Without them, put azure-keyvault-keys 4.8 or later and what it imports into a folder" \
		"($python -m pip install --target FOLDER azure-keyvault-keys) and set BYOK_PYTHON_SDK=FOLDER"
fi

mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
if ! fetch; then
	[ "$(id -u)" -eq 0 ] || fail "please have root run: apt-get update"
	apt-get -qq update >&2
	fetch || fail "Debian's packages could not be fetched: ${packages[*]}"
fi
for deb in *.deb; do
	case $deb in
	python3-azure_*) dpkg-deb --fsys-tarfile "$deb" | tar -x "${sdk[@]/#/./$dist/}" ;;
	*) dpkg-deb -x "$deb" . ;;
	esac
done
works "$work/$dist" || fail "the SDK from these packages does not work with $("$python" --version):" ./*.deb
# Another run may have been faster: its folder is as good.
rm -rf "$cache"
mv -T "$dist" "$cache" 2>/dev/null || works "$cache" || fail "$cache cannot be written"
echo "$cache"
