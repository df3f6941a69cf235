#!/usr/bin/env bash
# One whole ceremony, from the vault's KEK to the proof that the vault holds
# the key made offline. See ceremony.sh for the environment it takes.
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/ceremony.sh"

prepare_toolset
make_world
make_key
package_key
upload_and_prove
bundle_record
show_result
