#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh: runs one libFuzzer target for its time, as one test.
#
# usage: [FUZZ_SECONDS=N] run.sh PROGRAM FOUND [EXAMPLES]
#
# FOUND keeps what reached new code, for the next run, and what failed.

set -uo pipefail

program=$1 found=$2 examples=${3:-} seconds=${FUZZ_SECONDS:-10}
name=$(basename "$program")

mkdir -p "$found"
echo "1..1"
"$program" "$found" ${examples:+"$examples"} -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=1024 -max_len=4096 -len_control=0 -artifact_prefix="$found/failed-" >"$found.log" 2>&1
status=$?
grep -E '^#[0-9]+.*DONE|^Done' "$found.log" | sed 's/^#*/# /'
if [ $status -eq 0 ]; then
    echo "ok 1 - $name"
else
    tail -n 60 "$found.log" | sed 's/^/# /'
    echo "not ok 1 - $name"
fi
