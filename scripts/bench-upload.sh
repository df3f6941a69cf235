#!/usr/bin/env bash
# Throughput of "byok-online upload" against rehearsal vaults, as ratios: share of
# the documented limit; time without a limit over what the vault itself needs, and
# processor time beside the service's own Python and JavaScript SDKs; memory; and how
# well "plan simulate" foretells a hundred vaults. Writes the section of
# docs/performance.md. Takes some minutes, best on a computer that is idle.
#
#   BYOK_BIN=FOLDER    where the program is (default: bin)
set -euo pipefail
cd "$(dirname "$0")/.."

exec "${GO:-go}" run -tags netgo,osusergo,urfave_cli_no_docs ./internal/uploadbench \
	-program "${BYOK_BIN:-bin}/byok-online" -page docs/performance.md "$@"
