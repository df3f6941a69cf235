#!/usr/bin/env bash
# The ceremony with a dead HSM in the middle: the token is wiped after the key
# was made, the world comes back from two cards and kmdata on an empty token,
# the key from its backup; then it is packaged, uploaded and proved as if
# nothing had happened. See ceremony.sh for the environment it takes.
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/ceremony.sh"

prepare_toolset
make_world
make_key

# What the card holders wrote down: number and first word of the last statement.
info=$(BYOK_KMDATA="$demo/offline/kmdata" "$bin/byok-offline" world info --output json 2>/dev/null)
paper="$(sed -n 's/^ *"last_statement": \([0-9]*\),$/\1/p' <<<"$info") $(field "$info" last_statement_words | cut -d' ' -f1)"

step "The HSM dies: its token is wiped"
rm -rf "$demo"/tokens/*
ls -l "$demo/tokens"

step "Recovery: two cards, kmdata and an empty module"
offline world recover --module-path "$module" --pin-file secrets/pin --last-statement "$paper" "${quorum[@]}"
offline key restore --all --pin-file secrets/pin "${quorum[@]}"
offline world check --pin-file secrets/pin --card card1 --card card2 --card card3 \
	--card-pin-file secrets/card1 --card-pin-file secrets/card2 --card-pin-file secrets/card3

package_key
upload_and_prove
show_result
