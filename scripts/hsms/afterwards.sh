# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables that it shares with the scripts that source it
# lose LABEL: the key goes from the token, as an accident has it.
lose() {
	local half
	for half in privkey pubkey; do
		pkcs11-tool --module "$module" --token-label "contoso world" --login --pin "$(cat secrets/pin)" \
			--delete-object --type "$half" --label "$1"
	done
}

# remembered are the options with what the card holders wrote down, on a token that
# remembers nothing.
remembered=()

# afterwards is what comes after a ceremony: a key, new cards, the key lost from
# the token and restored from its new backup, and its transfer under the new cards.
afterwards() {
	local card guard new=() check=() kept=kept
	ident=$kept name=My-$kept kind=(--type EC --curve P-256)
	make_key
	for card in new1 new2 new3; do
		mkdir "$card"
		secret "secrets/$card" "$(head -c 12 /dev/urandom | base64)"
		new+=(--new-card "$card" --new-card-pin-file "secrets/$card" --new-holder "holder of $card")
		check+=(--card "$card" --card-pin-file "secrets/$card")
	done
	offline world replace-cards --pin-file secrets/pin "${quorum[@]}" "${new[@]}" --acs-quorum 2/3
	quorum=(--card new1 --card new3 --card-pin-file secrets/new1 --card-pin-file secrets/new3 "${remembered[@]}")
	lose "key_simple_$kept"
	offline key restore --ident "$kept" --pin-file secrets/pin "${quorum[@]}"
	offline world check --pin-file secrets/pin "${check[@]}"
	info=$(BYOK_KMDATA="$demo/offline/kmdata" byok-offline world info --output json 2>/dev/null)
	hknso=$(field "$info" hknso)
	guard=$(guard_of "$info")
	package_key
	upload_and_prove
	row P-256 "$guard" "cards replaced, key lost and restored, uploaded and proved"
}
