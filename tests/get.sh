#!/bin/sh
# Brings what some tests need, as root on Debian, or by rustup; fails where that cannot be. Parts of `make test` that ask at the same time
# come one after the other: apt has locks on which it does not wait, and rustup has none.
#   tests/get.sh debian PACKAGE...
#   tests/get.sh rust TRIPLE...      its standard library
set -eu
kind=$1
shift
exec 9>"${TMPDIR:-/tmp}/roomcast-tests-get.lock"
! command -v flock >/dev/null || flock 9
case $kind in
debian)
    if ! { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }; then
        echo "not root, or no apt-get" >&2
        exit 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
    ;;
rust)
    for triple in "$@"; do
        [ -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ] || timeout 300 rustup target add "$triple"
    done
    ;;
esac
