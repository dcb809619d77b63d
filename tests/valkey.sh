#!/bin/sh
# Says where a valkey-server is: on the path, or taken from Debian's backports and unpacked, not installed. It must not fail, nor be silent,
# where none can be had.
#   tests/valkey.sh FOLDER    a folder of its own, for what it unpacks
set -eu
if command -v valkey-server; then
    exit 0
fi
mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
cd "$1"
program=$PWD/usr/bin/valkey-server
fetch() {
    # shellcheck source=/dev/null
    . /etc/os-release
    echo "deb http://deb.debian.org/debian $VERSION_CODENAME-backports main" >sources.list
    set -- -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$PWD/lists" \
        -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root
    apt-get "$@" update && apt-get "$@" download valkey-server valkey-tools || return
    for package in *.deb; do
        dpkg -x "$package" . || return
    done
}
if ! "$program" --version >/dev/null 2>&1; then
    fetch >fetched 2>&1 || true
fi
if "$program" --version >/dev/null 2>&1; then
    echo "$program"
else
    echo "NOT RUN: Valkey: there is no valkey-server, and Debian's backports have none for this machine" >&2
fi
