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
