#!/bin/sh
# Counts what a byte of the worst known inputs costs, with callgrind, prints it as a table, and fails if one is above its bound
# or costs more for each byte when there are more of them. Needs valgrind.
#   benches/cost/run.sh
set -eu
cd "$(dirname "$0")/../.."
out=${CARGO_TARGET_DIR:-target}/cost
mkdir -p "$out"
cargo build --quiet --release --manifest-path benches/cost/Cargo.toml --target-dir "$out"
rm -f "$out"/callgrind.*
valgrind -q --tool=callgrind --callgrind-out-file="$out/callgrind" --collect-atstart=no --toggle-collect='cost::measured' \
    --dump-after='cost::measured' "$out/release/cost" >"$out/cases"
# One dump for each case and size, in their order.
count=$(wc -l <"$out/cases")
: >"$out/sums"
i=1
while [ "$i" -le "$count" ]; do
    awk '/^(summary|totals):/ { sum = $2 } END { print sum + 0 }' "$out/callgrind.$i" >>"$out/sums"
    i=$((i + 1))
done
echo "| input | instructions for each byte | of four times as many | bound |"
echo "|---|--:|--:|--:|"
paste "$out/cases" "$out/sums" | awk -F '\t' '
    NR % 2 { small = $4 / $2; next }
    {
        large = $4 / $2
        # Setting up costs the same for any size: the larger one may be cheaper, but not dearer by more than a third.
        bad = small > $3 || large > $3 || large > small * 1.3 + 1
        printf "| %s | %.1f | %.1f | %d |%s\n", $1, small, large, $3, bad ? " TOO MUCH" : ""
        if (bad) failed++
        else passed++
    }
    END {
        printf "worst inputs: %d passed, %d failed\n", passed, failed
        exit failed > 0
    }'
