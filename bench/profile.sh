#!/bin/sh
# Lists the functions in which one report spends its time: bench/profile.sh CAPTURE [OPTION...]
# COMMAND names another way to call the program, e.g. COMMAND='python -m handshake_inspect'.
set -eu
samples=$(mktemp)
trap 'rm -f "$samples"' EXIT
# shellcheck disable=SC2086  # COMMAND may be several words
perf record --quiet --freq 2000 --call-graph fp --output "$samples" -- ${COMMAND:-handshake-inspect} "$@" >/dev/null
perf report --input "$samples" --no-children --call-graph none --percent-limit 0.5 --stdio 2>/dev/null
