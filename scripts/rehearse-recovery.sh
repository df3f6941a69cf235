#!/usr/bin/env bash
# The ceremony with a dead HSM in the middle: the token is wiped after the key
# was made, the world comes back from two cards and kmdata on an empty token,
# the key from its backup; then it is packaged, uploaded and proved as if
# nothing had happened. See ceremony.sh for the environment it takes.
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/ceremony.sh"

quorum=(--card card1 --card card3 --card-pin-file secrets/card1 --card-pin-file secrets/card3)

prepare_toolset
make_world
make_key

step "The HSM dies: its token is wiped"
rm -rf "$demo"/tokens/*
ls -l "$demo/tokens"

step "Recovery: two cards, kmdata and an empty module"
offline world recover --pin-file secrets/pin "${quorum[@]}"
offline key restore --ident contosokey --pin-file secrets/pin "${quorum[@]}"
offline world check --pin-file secrets/pin --card card1 --card card2 --card card3 \
	--card-pin-file secrets/card1 --card-pin-file secrets/card2 --card-pin-file secrets/card3

package_key
upload_and_prove
show_result
