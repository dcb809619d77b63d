#!/bin/sh
# Other systems than this one: what can be run is run (aarch64 under qemu, musl), what cannot is checked (macOS, FreeBSD, 32 bits), and
# what a machine lacks is said. It must not fail for what cannot be had, nor be silent about it. docs/PLATFORMS.md says the same in words.
#   tests/platforms.sh quick    most unit tests of the core and some C programs on aarch64, C programs on musl, types on macOS and FreeBSD
#   tests/platforms.sh full     all unit tests and C programs on both, everything checked in each set of features
set -u
cd "$(dirname "$0")/.." || exit
mode=${1:-full}
out=${CARGO_TARGET_DIR:-target}/platforms
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit
passed=0
failed=0
left_out=0
# Quick to build, as most of it runs once.
export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0 CARGO_INCREMENTAL=0

not_run() { # WHAT WHY
    echo "NOT RUN: $1: $2"
    left_out=$((left_out + 1))
}
check() { # WHAT COMMAND...
    what=$1
    shift
    if "$@" >"$out/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        tail -n 60 "$out/log"
        return 1
    fi
}

# ---- What there is ----
need() { # PROGRAM PACKAGE...: the program is there, or Debian's packages bring it
    program=$1
    shift
    command -v "$program" >/dev/null || { tests/get.sh debian "$@" >"$out/get" 2>&1 && command -v "$program" >/dev/null; }
}
has_std() { # TRIPLE: its standard library is there, or rustup brings it
    tests/get.sh rust "$1" >"$out/get" 2>&1
}
needs_all() { # WHAT TRIPLE PROGRAM PACKAGE...: what a system needs, or the word that it is left out
    what=$1
    triple=$2
    shift 2
    if ! has_std "$triple"; then
        not_run "$what" "Rust's standard library for it is not to be had (rustup target add $triple)"
        return 1
    elif ! need "$@"; then
        not_run "$what" "$1 is not to be had (apt-get install $*)"
        return 1
    fi
}
built() { # TRIPLE COMMAND OPTION...
    triple=$1
    command=$2
    shift 2
    cargo "$command" --target "$triple" --target-dir "$out" "$@"
}

# ---- Unit tests and C programs ----
units() { # NAME TRIPLE MODULE...: those of these floors, or all
    name=$1
    triple=$2
    shift 2
    check "$name: unit tests" built "$triple" test --quiet --features capi --lib -- "$@"
}
# What every program of tests/c is compiled with. Those that look at this very process (its stack, its signals, its forks) find
# another one under qemu, which is why they are named in each list.
c_programs() { # NAME TRIPLE COMPILER LIBRARIES RUNNER PROGRAM...
    name=$1
    triple=$2
    compiler=$3
    libraries=$4
    runner=$5
    shift 5
    check "$name: the static library" built "$triple" rustc --quiet --lib --features capi --crate-type staticlib || return
    for program in "$@"; do
        # shellcheck disable=SC2086 # lists of options
        check "$name: tests/c/$program.c builds" $compiler -std=c99 -Wall -Wextra -Werror -pedantic -Iinclude -Itests/c -O1 \
            "tests/c/$program.c" tests/c/support.c "$out/$triple/debug/libroomcast.a" $libraries -lpthread -ldl -lm -o "$out/$triple/$program" &&
            check "$name: tests/c/$program.c" env ROOMCAST_TEST_PERCENT=2 timeout 120 $runner "$out/$triple/$program"
    done
}

arm=aarch64-unknown-linux-gnu
if needs_all "aarch64" $arm qemu-aarch64-static qemu-user-static &&
    needs_all "aarch64" $arm aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross; then
    qemu="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$qemu"
    if [ "$mode" = full ]; then
        units aarch64 $arm
        c_programs aarch64 $arm aarch64-linux-gnu-gcc "" "$qemu" abi adopt any_order cluster drain errors hand_back lent null operate orders \
            recovery restart router talk
    else
        # Without those that take minutes of an emulated processor: their inputs are long, or many.
        # shellcheck disable=SC2046 # a list of options
        units aarch64 $arm wire::http wire::ws wire::json wire::socketio engine:: hub:: $(printf -- '--skip %s ' utf8 close_codes \
            in_pieces damaged_requests what_is_remembered large_messages random_streams random_calls recovery:: ws::tests::sizes)
        c_programs aarch64 $arm aarch64-linux-gnu-gcc "" "$qemu" abi talk drain
    fi
fi

musl=x86_64-unknown-linux-musl
if needs_all "musl" $musl musl-gcc musl-tools; then
    export CC_x86_64_unknown_linux_musl=musl-gcc
    # Debian's musl-gcc has the unwinder of glibc's gcc. Rust brings one for musl.
    unwind=$(rustc --print sysroot)/lib/rustlib/$musl/lib/self-contained/libunwind.a
    # A thread has 128 KiB of stack there, and a debug build takes more.
    musl_cc="musl-gcc -static -Wl,-z,stack-size=1048576"
    c_programs musl $musl "$musl_cc" "$unwind" "" abi talk drain listen threads
    if [ "$mode" = full ]; then
        units musl $musl
        # Not `fork`: it closes our descriptors behind our back, which a debug build of Rust's library ends the process for.
        c_programs musl $musl "$musl_cc" "$unwind" "" adopt any_order cluster errors hand_back lent null operate orders process races recovery \
            restart router signals stall
    else
        not_run "musl: unit tests" "they are built a second time for it: make platforms-full"
    fi
fi

# ---- Checked: types and lints, of a system on which nothing of this is run ----
# ring has C in it. It is compiled by clang without that system's headers, of which it asks for next to nothing if told that there are none.
checked() { # NAME TRIPLE COMMAND FEATURES...
    name=$1
    triple=$2
    command=$3
    shift 3
    needs_all "$name" "$triple" clang clang || return
    variable=$(echo "$triple" | tr - _)
    mkdir -p "$out/headers"
    printf '#define TARGET_OS_MAC 1\n#define TARGET_OS_OSX 1\n' >"$out/headers/TargetConditionals.h"
    check "$name: $command, $*" env "CC_$variable=clang" SDKROOT=/nowhere RUSTFLAGS="-D warnings" \
        "CFLAGS_$variable=-nostdlibinc -DRING_CORE_NOSTDLIBINC=1 -D__MM_MALLOC_H -I$out/headers" \
        cargo "$command" --quiet --target "$triple" --target-dir "$out" --lib "$@"
}
if [ "$mode" = full ]; then
    for features in "--features capi" --no-default-features; do
        # shellcheck disable=SC2086 # a list of options
        checked macOS aarch64-apple-darwin clippy $features
        # shellcheck disable=SC2086 # a list of options
        checked FreeBSD x86_64-unknown-freebsd clippy $features
    done
    checked "32 bits" i686-unknown-linux-gnu clippy --features capi
    # Zig's package has the list of what macOS' libSystem has, without which nothing can be linked for it.
    if ! needs_all "macOS, linked" aarch64-apple-darwin llvm-strip llvm clang; then
        :
    elif [ -e "$out/zig/bin/zig" ] || { python3 -m venv "$out/zig" && "$out/zig/bin/pip" install -q ziglang==0.17.1 &&
        ln -s "$("$out/zig/bin/python" -c 'import ziglang; print(ziglang.__path__[0])')" "$out/zig/bin/zig"; } >"$out/pip" 2>&1; then
        check "macOS: the library installed, and programs linked with it" tests/macos_link.sh "$out/macos" "$out/zig/bin/zig"
    else
        not_run "macOS, linked" "what its linker needs is not to be had (pip install ziglang)"
    fi
else
    checked macOS aarch64-apple-darwin check --features capi
    checked FreeBSD x86_64-unknown-freebsd check --features capi
    not_run "32 bits, clippy, other sets of features, and macOS' linker" "make platforms-full"
fi

echo "platforms: $left_out left out"
echo "platforms: $passed passed, $failed failed"
[ "$failed" = 0 ]
