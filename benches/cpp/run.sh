#!/bin/sh
# Counts the instructions of a call through roomcast.h and through roomcast.hpp. It must not measure time.
# benches/cpp/run.sh TARGET_DIR, after `make lib`
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${1:-$root/target}
cost=$target/cpp-cost
"${CXX:-c++}" -std=c++17 -O2 -I "$root/include" -I "$root/bindings/cpp" "$root/benches/cpp/cost.cpp" -o "$cost" \
    -L "$target/release" -lroomcast "-Wl,-rpath,$target/release"

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$cost" "$@" 2>&1 | awk '/Collected/ { print $NF }'
}
row() {
    printf '%-48s %6d\n' "$1" $((($3 - $2) / 10000))
}

echo "instructions per call or event, those of the library among them"
for how in c cpp; do
    row "emit to a room, $how" "$(count $how emit 1000)" "$(count $how emit 11000)"
    row "emit to two rooms but a third, latest, $how" "$(count $how target 1000)" "$(count $how target 11000)"
done
none=$(count none drain 10000)
row "drain an event, c in batches of 64" "$none" "$(count c drain 10000)"
row "drain an event, cpp in batches of 64" "$none" "$(count batch drain 10000)"
row "drain an event, cpp in a range" "$none" "$(count cpp drain 10000)"
