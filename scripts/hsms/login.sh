# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that it shares with the scripts that source it
# The steps of ../ceremony.sh where the cards hold the user PIN: nothing is done
# without them, one session approves a key and writes its package, and the paper
# record takes the place of the token's anchor.

# on_paper sets written to what the card holders wrote down of the last statement.
on_paper() {
	local last word
	last=$(find "$demo/offline/kmdata/local/statements" -name '*.json' | sort | tail -n 1)
	word=$("$bin/byok-online" fingerprint "$last" | awk 'NR == 3 { print $2 }')
	number=$(basename "$last" | sed 's/^0*//; s/-.*//')
	written=(--last-statement "$number $word")
}

make_key() {
	step "3. Disconnected workstation: the key, generated in a quorum session"
	on_paper
	offline key generate --ident "$ident" "${kind[@]}" "${quorum[@]}" "${written[@]}"
}

package_key() {
	step "4. Disconnected workstation: one quorum session approves, wraps and writes the package"
	on_paper
	offline acl modify --ident "$ident" -k "$kek" -w "$world" --key-friendly-name "$name" "${quorum[@]}" "${written[@]}" \
		"${said[@]}" --approve-unseen --subscription-id 00000000-0000-0000-0000-000000000000 --out usb

	step "USB stick: the package goes to the connected workstation"
	package=KeyTransferPackage-$name
	cp -v "usb/$package".* "$demo/online/"
}

# afterwards_login is what comes after a ceremony: a key that its own transfer has
# erased from the token, new cards, the key restored from its new backup, and its
# transfer under the new cards.
afterwards_login() {
	local card guard new=() kept=kept
	ident=$kept name=My-$kept kind=(--type EC --curve P-256)
	make_key
	package_key
	for card in new1 new2 new3; do
		mkdir "$card"
		secret "secrets/$card" "$(head -c 12 /dev/urandom | base64)"
		new+=(--new-card "$card" --new-card-pin-file "secrets/$card" --new-holder "holder of $card")
	done
	on_paper
	offline world replace-cards "${quorum[@]}" "${written[@]}" "${new[@]}" --acs-quorum 2/3
	quorum=(--card new1 --card new3 --card-pin-file secrets/new1 --card-pin-file secrets/new3)
	on_paper
	offline key restore --ident "$kept" "${quorum[@]}" "${written[@]}"
	offline world check "${quorum[@]}"
	info=$(BYOK_KMDATA="$demo/offline/kmdata" byok-offline world info --output json 2>/dev/null)
	# shellcheck disable=SC2034 # upload_and_prove takes it
	hknso=$(field "$info" hknso)
	guard=$(field "$info" guard)
	name=My-$kept-2
	package_key
	upload_and_prove
	row P-256 "$guard" "erased, cards replaced, restored from its backup, uploaded and proved"
}
