#!/bin/sh
# shellcheck disable=SC2086,SC2034 # options of several words; the last word counts
# Plays byok-offline and byok-online for the pages of docs. The words of a page go
# to the program as they stand, and after them the options that answer what people
# would be asked, and that make a rehearsal of it. Each program has a home of its own.
set -eu
program=${0##*/}
export HOME="$STAGE/$program"
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\"]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }
online() { HOME="$STAGE/byok-online" "$BYOK_BIN/byok-online" "$@"; }
offline() { HOME="$STAGE/byok-offline" "$BYOK_BIN/byok-offline" "$@"; }

option=
for word; do
	case $option in
	--card) set -- "$@" --card-pin-file "$STAGE/secret" ;;
	--new-card) set -- "$@" --new-holder "${word##*/}" --new-card-pin-file "$STAGE/secret" ;;
	esac
	[ "$option $1 ${2-}" != "--card world create" ] || set -- "$@" --holder "${word##*/}"
	option=$word
done

vault="--rehearsal $STAGE/vault"
pin="--pin-file $STAGE/pin"
case "$program $1 ${2-}" in
"byok-offline world create") set -- "$@" --rehearsal $pin ;;
"byok-offline world recover")
	last=$(offline world info 2>/dev/null | sed -n '/^last statement/{s/^last statement *//;N;s/\n */ /;p}' | cut -d" " -f1,2)
	set -- "$@" $pin --last-statement "$last"
	;;
"byok-offline world reset-pin" | "byok-offline world change-pin")
	cp "$STAGE/pin" "$STAGE/newpin"
	[ "$2" = reset-pin ] || set -- "$@" $pin
	set -- "$@" --new-pin-file "$STAGE/newpin"
	;;
"byok-offline key retire") set -- "$@" $pin --really-destroy "$4" ;;
"byok-offline card passphrase") set -- "$@" --new-card-pin-file "$STAGE/secret" --own-passphrase ;;
"byok-offline toolset install")
	for zip; do :; done
	set -- "$@" --sha256 "$(sha256sum "$zip" | cut -d' ' -f1)"
	;;
"byok-offline acl modify" | "byok-offline verify -k")
	for word; do
		[ "$option" != -k ] || name=$(sed -n 's|^  "kid": ".*/keys/\(.*\)/.*",$|\1|p' "$word")
		option=$word
	done
	kek=$(online kek show $vault --name "$name" --output json 2>/dev/null)
	set -- "$@" --fingerprint "$(echo "$kek" | field spki_sha256)" --kid "$(echo "$kek" | field kid)" --import-only --said-by Olga
	[ "$1" = verify ] || set -- "$@" $pin --approve-unseen
	;;
"byok-offline world check" | "byok-offline world replace-cards" | "byok-offline key generate" | "byok-offline key restore" | \
	"byok-offline key freeze" | "byok-offline module strike-off" | "byok-offline module accept" | "byok-offline package "* | "byok-offline ceremony seal" | \
	"byok-offline ceremony bundle") set -- "$@" $pin ;;
"byok-online kek create" | "byok-online kek delete" | "byok-online upload "*) set -- "$@" $vault --yes ;;
"byok-online verify --proof") ;;
"byok-online login "* | "byok-online subscription list" | "byok-online kek show" | "byok-online toolset build" | "byok-online verify "*) set -- "$@" $vault ;;
esac
exec "$BYOK_BIN/$program" "$@"
