#!/usr/bin/env bash
# One whole ceremony, from the vault's KEK to the proof that the vault holds
# the key made offline, as demo-plan.yaml has it: each command takes from the
# plan what the plan knows. See ceremony.sh for the environment it takes.
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/ceremony.sh"

plan=(--plan plan.yaml)
rehearsal=(--rehearsal vault)
packages=usb/rehearsal

step "1. Connected workstation: a vault, its KEK, the toolset"
start_vault
sed "s|VAULT|$vault|; s|LIBRARY|$module|" "$root/scripts/demo-plan.yaml" >plan.yaml
online ceremony check plan.yaml
online kek create "${plan[@]}" "${rehearsal[@]}" --yes
owner_says
online toolset build "${plan[@]}" "${rehearsal[@]}"
toolset=usb/KeyVault-BYOK-Tools-CONTOSO.zip
hash=$(sha256sum "$toolset" | cut -d' ' -f1)

step "2. Disconnected workstation: security world and toolset"
offline world create "${plan[@]}" --pin-file secrets/pin \
	--card-pin-file secrets/card1 --card-pin-file secrets/card2 --card-pin-file secrets/card3
offline toolset install "${plan[@]}" --sha256 "$hash"
offline verify "${plan[@]}" "${said[@]}"
read_hknso

step "3. Disconnected workstation: the key, generated before two card holders"
offline key generate "${plan[@]}" --pin-file secrets/pin "${quorum[@]}"
offline world backup "${plan[@]}" backup/keys

step "4. Disconnected workstation: the quorum approves, then the package"
offline acl modify "${plan[@]}" --pin-file secrets/pin "${quorum[@]}" "${said[@]}" --approve-unseen
offline acl print --ident "$ident"
mkdir "$packages"
offline package "${plan[@]}" --pin-file secrets/pin
offline ceremony seal "${plan[@]}" --pin-file secrets/pin "${quorum[@]}"

step "5. Connected workstation: upload and proof; then the KEK is closed"
package=KeyTransferPackage-$name
online upload "${plan[@]}" "${rehearsal[@]}" --hknso "$hknso" --yes
online verify "${plan[@]}" "${rehearsal[@]}" --hknso "$hknso"
online kek delete "${plan[@]}" "${rehearsal[@]}" --yes
offline ceremony verify "${plan[@]}"
online ceremony verify "${plan[@]}"

bundle_record tools-CONTOSO usb
show_result
