#!/usr/bin/env bash
# Makes the service's own JavaScript SDK (@azure/keyvault-keys) available to the
# tests, and prints the folder whose node_modules has it.
#
# npm installs what the lock file names, each package held to its SHA-512, into
# a cache folder. No package's own script is run. Once the folder is there, no
# network is used.
#
#   BYOK_JS_SDK=FOLDER      where the SDK is; nothing is fetched then
#   XDG_CACHE_HOME=FOLDER   where the cache is (default: ~/.cache)
set -euo pipefail

lock=$(cd "$(dirname "$0")/../internal/rehearsal/clients/testdata/js" && pwd)
sum=$(sha256sum <"$lock/package-lock.json")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/byok/js-sdk-${sum:0:16}
folder=${BYOK_JS_SDK:-$cache}

fail() {
	echo "js-sdk: $*" >&2
	exit 1
}

# works FOLDER: the SDK there can be used.
works() { node -e 'require(require.resolve("@azure/keyvault-keys", { paths: [process.argv[1]] }))' "$1" 2>/dev/null; }

command -v node >/dev/null || fail "please install Node.js 20 or later: apt-get install nodejs npm"
if works "$folder"; then
	echo "$folder"
	exit 0
fi
[ "$folder" = "$cache" ] || fail "BYOK_JS_SDK=$folder holds no @azure/keyvault-keys that works with Node.js $(node --version)"
command -v npm >/dev/null || fail "this needs npm (apt-get install npm). Without it, put @azure/keyvault-keys into a folder and set BYOK_JS_SDK"

mkdir -p "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$lock/package.json" "$lock/package-lock.json" "$work"
(cd "$work" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund >&2) || fail "npm could not fetch what $lock/package-lock.json names"
works "$work" || fail "the SDK does not work with Node.js $(node --version)"
# Another run may have been faster: its folder is as good.
mv -T "$work" "$cache" 2>/dev/null || works "$cache" || fail "$cache cannot be written"
echo "$cache"
