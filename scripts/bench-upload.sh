#!/usr/bin/env bash
# Throughput of "byok-online upload" against a rehearsal vault: 1,000 packages
# without a limit, beside bare requests, with peak memory; and 100 packages at
# the documented limit of ten keys in ten seconds, of which at least 0.95 must
# be reached without one answer 429. Takes some two minutes.
#
#   BYOK_BIN=FOLDER    where the program is (default: bin)
set -euo pipefail
cd "$(dirname "$0")/.."

exec "${GO:-go}" run ./internal/uploadbench -program "${BYOK_BIN:-bin}/byok-online" "$@"
