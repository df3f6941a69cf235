#!/usr/bin/env bash
# title: SoftHSM
# packages: softhsm2 opensc
# shellcheck source=scripts/hsms/common.sh
. "$(dirname "$0")/common.sh"
version=$(version_of softhsm2)
mkdir /root/tokens
echo "directories.tokendir = /root/tokens" >/root/softhsm2.conf
export SOFTHSM2_CONF=/root/softhsm2.conf
module=/usr/lib/softhsm/libsofthsm2.so
check 0
# shellcheck source=scripts/ceremony.sh
. "$(dirname "$0")/../ceremony.sh"
ceremonies "${all_kinds[@]}"
# shellcheck source=scripts/hsms/afterwards.sh
. "$here/afterwards.sh"
afterwards
