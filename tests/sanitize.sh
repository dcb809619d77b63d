#!/bin/sh
# Runs tests under AddressSanitizer, ThreadSanitizer and Miri, where a nightly compiler with its sources can be had, and says
# which it did not run and why. It must not fail for what is not there, nor be silent about it.
#   tests/sanitize.sh quick    the fuzz targets with their corpus under AddressSanitizer
#   tests/sanitize.sh full     ThreadSanitizer and the Rust tests as well, loops and remote first, and unit tests under Miri
set -u
cd "$(dirname "$0")/.." || exit
mode=${1:-full}
out=${CARGO_TARGET_DIR:-target}/sanitize
triple=$(rustc -vV | sed -n 's/^host: //p')
passed=0
failed=0
left_out=0

not_run() { # WHAT WHY
    echo "NOT RUN: $1: $2"
    left_out=$((left_out + 1))
}
check() { # WHAT COMMAND...
    what=$1
    shift
    mkdir -p "$out"
    if "$@" >"$out/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $what"
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        grep -n 'ThreadSanitizer\|AddressSanitizer\|Undefined Behavior\|panicked\|^error' "$out/log" | head -n 20
        tail -n 60 "$out/log"
    fi
}

# ---- What there is ----
has() { # COMPONENT: installed, or to be had
    case $(rustup component list --toolchain nightly --installed 2>/dev/null) in
    *"$1"*) return 0 ;;
    esac
    rustup component add --toolchain nightly "$1" >/dev/null 2>&1
}
if ! cargo +nightly --version >/dev/null 2>&1; then
    not_run "every sanitizer" "there is no nightly compiler (rustup toolchain install nightly)"
    echo "sanitizers: 0 passed, 0 failed, $left_out left out"
    exit 0
fi
sources=$(has rust-src && echo yes)

# SANITIZER CARGO-COMMAND ARGUMENT...: built with it, the standard library too for threads, which are misjudged otherwise.
sanitized() {
    kind=$1
    command=$2
    shift 2
    std=
    [ "$kind" = thread ] && std=-Zbuild-std
    RUSTFLAGS="-Zsanitizer=$kind" CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only \
        CARGO_PROFILE_TEST_DEBUG=line-tables-only RUST_BACKTRACE=0 \
        cargo +nightly "$command" $std --target "$triple" --target-dir "$out/$kind" "$@"
}

# ---- The fuzz targets: every input of the corpus ----
corpus() { # SANITIZER TARGET...
    kind=$1
    shift
    bins=
    for target in "$@"; do bins="$bins --bin $target"; done
    # shellcheck disable=SC2086 # a list of options
    check "$kind: the fuzz targets build" sanitized "$kind" build --manifest-path fuzz/Cargo.toml $bins || return
    for target in "$@"; do
        check "$kind: $target" "$out/$kind/$triple/debug/$target" fuzz/corpus/"$target"/*
    done
}
# shellcheck disable=SC2046 # a list of names
corpus address $(ls fuzz/corpus)
if [ "$mode" != full ]; then
    not_run "ThreadSanitizer" "it builds the standard library anew: make sanitize"
elif [ "$sources" = yes ]; then
    corpus thread host
else
    not_run "ThreadSanitizer" "the standard library's sources are not to be had (rustup component add rust-src)"
fi

# ---- Unit tests under Miri: of ffi, where `unsafe` is, and of the floors without I/O. What only counts says so beside its `ignore`. ----
interpreted() { # FEATURES FILTER...
    features=$1
    shift
    check "miri: $*" env MIRIFLAGS=-Zmiri-disable-isolation \
        cargo +nightly miri test --features "$features" --lib --target-dir "$out/miri" -- "$@"
}
if [ "$mode" != full ]; then
    not_run "Miri" "it takes many minutes: make sanitize"
elif [ "$sources" = yes ] && has miri; then
    interpreted capi ffi::frozen ffi::tests::panics
    # Without TLS, which calls ring, which is C.
    for floor in base route out host engine hub admin; do
        interpreted compression "$floor::"
    done
    # What was recorded stands in long tables, which are themselves JSON to be read.
    interpreted compression wire:: --skip wire::cluster::tests --skip wire::deflate --skip as_recorded
    # Each answer about a Redis Cluster walks all its 16,384 slots.
    interpreted compression cluster:: --skip cluster::masters
    not_run "Miri on wire::cluster::tests, and what is compared with what was recorded" "each reads a long table"
    not_run "Miri on wire::deflate" "the compressor takes minutes for a few thousand bytes"
    not_run "Miri on cluster::masters" "each answer walks 16,384 slots, which takes minutes"
    not_run "Miri on TLS" "it calls ring, which is C"
    not_run "Miri on ffi::tests::operations" "it compares texts"
else
    not_run "Miri" "it is not to be had (rustup component add miri rust-src)"
fi

# ---- The Rust tests ----
if [ "$mode" = full ]; then
    for test in loops broker net tls world fuzz; do
        check "address: tests/$test" sanitized address test --features capi --test "$test"
    done
    check "address: unit tests" sanitized address test --features capi --lib
    if [ "$sources" = yes ]; then
        for test in loops broker net tls; do
            check "thread: tests/$test" sanitized thread test --features tls --test "$test"
        done
    fi
else
    not_run "the Rust tests under sanitizers" "they take half an hour: make sanitize"
fi
echo "sanitizers: $left_out left out"
echo "sanitizers: $passed passed, $failed failed"
[ "$failed" = 0 ]
