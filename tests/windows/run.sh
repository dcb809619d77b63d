#!/bin/sh
# Builds for Windows (x86_64-pc-windows-gnu) and runs it under wine: the Rust tests, the C programs with the DLL and with the static
# library, stock clients against the scenario host with and without loops of its own, and the pump of a message loop. Installs what it
# needs on Debian as root. Where the Rust target, the compiler or wine cannot be had it says so and passes; it must not fail for what is
# not there.
#   tests/windows/run.sh quick TARGET_DIR    one build without a warning, the Rust tests and C programs in which Windows differs from
#                                            Linux, the core of the clients' table
#   tests/windows/run.sh full TARGET_DIR     clippy with each set of features, every Rust test and C program, all that clients of
#                                            Socket.IO 4 try
set -u
cd "$(dirname "$0")/../.." || exit
mode=$1
triple=x86_64-pc-windows-gnu
# Of its own: other builds do not wait for these.
export CARGO_TARGET_DIR="$2/windows"
# Quick to build, as most of it runs once.
export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0
built=$CARGO_TARGET_DIR/$triple/debug
out=$CARGO_TARGET_DIR/tests
mkdir -p "$out" || exit
passed=0
failed=0

not_run() {
    echo "NOT RUN: Windows: $*"
    exit 0
}
check() { # WHAT COMMAND...
    what=$1
    shift
    if "$@" >"$out/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        tail -n 40 "$out/log"
        return 1
    fi
}

# ---- What there is, or can be had ----
wine=""
find_wine() { # Debian's wine64 alone puts nothing on the path
    for wine in "$(command -v wine64)" "$(command -v wine)" /usr/lib/wine/wine64; do
        [ -n "$wine" ] && [ -x "$wine" ] && return
    done
    return 1
}
has_all() { command -v x86_64-w64-mingw32-gcc >/dev/null && find_wine; }
has_all || tests/get.sh debian gcc-mingw-w64-x86-64 wine64 >"$out/log" 2>&1
has_all || not_run "no x86_64-w64-mingw32-gcc, or no wine64 (apt-get install gcc-mingw-w64-x86-64 wine64)"
tests/get.sh rust $triple >"$out/log" 2>&1 || not_run "Rust's standard library for it is not to be had (rustup target add $triple)"

# ---- Builds: not a warning ----
if [ "$mode" = full ]; then
    for features in "--features capi" "" "--no-default-features"; do
        # shellcheck disable=SC2086 # a list of options
        check "clippy $features" cargo clippy --quiet --lib --examples --target $triple $features -- -D warnings
    done
    check "clippy of the tests" cargo clippy --quiet --tests --target $triple --features capi -- -D warnings
fi
export RUSTFLAGS="-D warnings"
check "the libraries build" cargo rustc --quiet --lib --features capi --crate-type cdylib,staticlib --target $triple || exit 1
check "the examples build" cargo build --quiet --features capi --target $triple --example interop_host --example chat || exit 1
tests="--lib --test net --test broker --test loops"
[ "$mode" = full ] && tests="$tests --test tls --test world"
# shellcheck disable=SC2086 # a list of options
check "the tests build" cargo test --quiet --no-run --features capi --target $triple $tests || exit 1

# ---- A wine of its own ----
export WINEPREFIX="$out/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
# Its server starts in that folder, and fails without it. The Windows in there stays for all programs, and ends with it.
mkdir -p "$WINEPREFIX" || exit
server=$(command -v wineserver || echo /usr/lib/wine/wineserver64)
start_wine() { "$server" -p >"$out/server" 2>&1; }
end_wine() {
    "$server" -k >/dev/null 2>&1
    # If it fell, what ran in there waits for it for ever: programs of this very folder.
    for process in $(grep -lsz "^WINEPREFIX=$WINEPREFIX\$" /proc/[0-9]*/environ | cut -d/ -f3); do
        case $(cat "/proc/$process/cmdline" 2>/dev/null | tr '\0' ' ') in
        C:* | "$wine"*) kill -9 "$process" 2>/dev/null ;;
        esac
    done
}
# It fell over an assertion of its own, which no program in it may bring about: docs/PLATFORMS.md.
fallen() { grep -hs '^wineserver.*Assertion .* failed' "$out/server" "$out/log"; }
trap end_wine EXIT
trap 'exit 1' HUP INT TERM
start_wine
check "wine starts" timeout 120 "$wine" cmd /c exit || not_run "$wine does not start here"

# What this wine lacks, beside each program.
x86_64-w64-mingw32-gcc -Wall -Wextra -Werror -shared tests/windows/bcryptprimitives.c -ladvapi32 -o "$out/bcryptprimitives.dll" || exit 1
cp "$built/roomcast.dll" "$built/examples/interop_host.exe" "$built/examples/chat.exe" "$out" || exit 1

# ---- The tests in Rust ----
# They are started where they were built.
cp "$out/bcryptprimitives.dll" "$built/deps" || exit 1
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="timeout 900 $wine"
rust() { # WHAT CARGO'S OPTIONS... -- THE TESTS' OPTIONS...: a second time if wine itself fell
    what="Rust: $1"
    shift
    for _ in 1 2; do
        if cargo test --quiet --features capi --target $triple "$@" >"$out/log" 2>&1; then
            passed=$((passed + 1))
            echo "Windows: $what: $(sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' "$out/log")"
            return
        elif ! fallen >"$out/fallen"; then
            failed=$((failed + 1))
            echo "FAILED: $what"
            grep -v '^ *[0-9]*: \|^  *at ' "$out/log" | tail -n 60
            return
        fi
        end_wine
        start_wine
    done
    echo "NOT RUN: Windows: $what: the server of this wine fell twice: $(head -n 1 "$out/fallen")"
}
# All that this wine is wrong about (docs/PLATFORMS.md): it tells a reset as an end, or is too slow with thousands of connections that are
# not read from.
reset="--skip input::input_before_a_reset_is_delivered --skip output::aborting_resets --skip storm::a_storm_loses_nothing"
idle="--skip input::more_events_than_one_call_brings_are_all_heard_in_one_turn"
# shellcheck disable=SC2086 # lists of options
rust net --test net -- $reset $idle
rust broker --test broker
if [ "$mode" = full ]; then
    rust "the library" --lib
    rust loops --test loops
    rust tls --test tls
    # A network without sockets, of which Windows sees nothing: not what takes minutes in a build without optimisation.
    rust world --test world -- --skip big:: --skip ends::every_order --skip ends::long_orders --skip overload:: --skip limits::every_limit
else
    rust "the library" --lib -- engine:: hub:: net:: broker::
    # Without recovery, and without what takes a minute here (docs/PLATFORMS.md).
    rust loops --test loops -- answers:: asks:: drains:: halves:: life:: members:: sessions:: targets:: --skip sessions::a_host_that_does_not_poll
fi

# ---- The C interface ----
exported() {
    x86_64-w64-mingw32-objdump -p "$out/roomcast.dll" | sed -n '/\[Ordinal\/Name Pointer\]/,/^$/p' | awk '$NF ~ /^roomcast_/ { print $NF }' |
        LC_ALL=C sort | diff include/roomcast.symbols -
}
check "exported symbols" exported
strict="-std=c99 -Wall -Wextra -Werror -pedantic -Iinclude -Itests/c -g -O1 -static"
# What the static library asks for, as rustc says it (--print native-static-libs).
system="-lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp -lcrypt32 -lsecur32 -lncrypt"
# Those of tests/c that are not about descriptors, forks and signals; in the quick part, those that see more than the core.
programs="abi operate restart stall talk threads"
[ "$mode" = full ] && programs="abi any_order errors helpers lent null operate orders races recovery restart router stall talk threads"
for name in $programs; do
    # shellcheck disable=SC2086 # lists of options
    check "$name builds" x86_64-w64-mingw32-gcc $strict tests/c/$name.c tests/c/support.c "$built/libroomcast.dll.a" -lws2_32 -lpthread -o "$out/$name.exe" &&
        check "$name" env ROOMCAST_TEST_PERCENT=5 timeout 60 "$wine" "$out/$name.exe"
done
programs=talk
[ "$mode" = full ] && programs="errors operate talk"
for name in $programs; do
    # shellcheck disable=SC2086 # lists of options
    check "$name, static, builds" x86_64-w64-mingw32-gcc $strict tests/c/$name.c tests/c/support.c "$built/libroomcast.a" $system -lpthread -o "$out/$name-static.exe" &&
        check "$name, static" env ROOMCAST_TEST_PERCENT=5 timeout 60 "$wine" "$out/$name-static.exe"
done

# ---- Stock clients of this machine ----
core='^socket\.io-client (polling|websocket|upgrade) / '
[ "$mode" = full ] || core="$core"'(connect|rooms: join and leave|to one room|ack: |binary: |large text and binary|the client (leaves the namespace|closes))'
clients() { # LOOPS WHAT-NOT: a second time if wine itself fell
    for _ in 1 2; do
        if node tests/interop/run.mjs --quiet --loops "$1" --jobs 2 --only "$core" --skip "$2" --host "$wine $out/interop_host.exe" >"$out/log" 2>&1; then
            passed=$((passed + 1))
            return
        elif ! fallen >"$out/fallen"; then
            failed=$((failed + 1))
            echo "FAILED: clients, loops: $1"
            tail -n 40 "$out/log"
            return
        fi
        end_wine
        start_wine
    done
    echo "NOT RUN: Windows: clients, loops: $1: the server of this wine fell twice: $(head -n 1 "$out/fallen")"
}
clients 0 ""
clients 2 "recovery: "
# shellcheck disable=SC2086 # a list of options
check "the pump builds" x86_64-w64-mingw32-gcc $strict examples/windows/pump.c "$built/libroomcast.dll.a" -o "$out/pump.exe" &&
    check "the pump" node tests/windows/pump.mjs "$wine" "$out/pump.exe"

echo "Windows under $("$wine" --version): $passed passed, $failed failed"
[ "$failed" = 0 ]
