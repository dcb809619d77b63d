#!/bin/sh
# Measures the C interface and its Rust counterpart, interleaved, and prints the medians: nanoseconds of CPU time for each
# emit or event.   benches/capi/run.sh DIR [REPETITIONS]    DIR holds libroomcast.so
set -eu

lib=$(cd "$1" && pwd)
repetitions=${2:-9}
cd "$(dirname "$0")/../.."
out=$lib/capi-bench
mkdir -p "$out"
cc -std=c99 -O2 -Iinclude -Itests/c benches/capi/bench.c tests/c/support.c -L"$lib" -Wl,-rpath,"$lib" -lroomcast -o "$out/bench"
rust=$(cargo bench -q --manifest-path benches/rust/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}" --bench capi --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*capi[^"]*\)".*/\1/p')

: >"$out/figures"
for _ in $(seq "$repetitions"); do
    "$out/bench" >>"$out/figures"
    "$rust" >>"$out/figures"
done
sort "$out/figures" -k1,1 -k2,2n | awk '
    { if ($1 != name) { show(); name = $1; n = 0 } of[++n] = $2 }
    function show() { if (n) printf "%-18s median %6.1f   lowest %6.1f\n", name, of[int((n + 1) / 2)], of[1] }
    END { show() }'
