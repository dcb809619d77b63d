#!/bin/sh
# Looks for what the tests need besides Rust, and installs what is missing where that is possible: Debian, as root.
set -eu

missing=""
need() { missing="$missing $*"; }
node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || need nodejs
command -v npm >/dev/null || need npm
python3 -c 'import ensurepip' 2>/dev/null || need python3 python3-venv
[ -x /usr/bin/chromium ] || need chromium
[ -x /usr/bin/firefox-esr ] || need firefox-esr
# The C interface: compilers with their sanitizers, valgrind, and the two ways in which C programs find a library.
cc --version >/dev/null 2>&1 && c++ --version >/dev/null 2>&1 || need gcc g++ libc6-dev
command -v valgrind >/dev/null || need valgrind libc6-dbg
command -v cmake >/dev/null || need cmake
command -v make >/dev/null || need make
command -v pkg-config >/dev/null || need pkg-config
PATH=$PATH:/usr/sbin command -v nginx >/dev/null || need nginx-light
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || need libnginx-mod-stream
PATH=$PATH:/usr/sbin command -v haproxy >/dev/null || need haproxy
command -v redis-server >/dev/null || need redis-server

if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of packages
    if ! "$(dirname "$0")/get.sh" debian $missing; then
        echo "the tests need:$missing" >&2
        exit 1
    fi
fi

for component in rustfmt clippy; do
    cargo "${component#rust}" --version >/dev/null 2>&1 || rustup component add "$component"
done
