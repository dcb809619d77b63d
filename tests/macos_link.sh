#!/bin/sh
# Installs the C library for macOS from another system, and links programs with it: LLVM's linker, as Rust brings it, and the list of what
# libSystem has, as Zig's package brings it. What the library needs of Apple's frameworks is taken to be there. Nothing of it is run.
#   tests/macos_link.sh FOLDER ZIG    where it builds, and Zig's folder
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1/headers"
out=$(cd "$1" && pwd)
zig=$2
triple=aarch64-apple-darwin
rm -rf "$out/sdk" "$out/stage"
mkdir -p "$out/sdk/usr/lib"

linker=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/gcc-ld/ld64.lld
printf '#!/bin/sh\nexec clang -mlinker-version=700 -target arm64-apple-macos11 --ld-path=%s -isysroot %s "$@"\n' "$linker" "$out/sdk" >"$out/cc"
chmod +x "$out/cc"
printf '#define TARGET_OS_MAC 1\n#define TARGET_OS_OSX 1\n' >"$out/headers/TargetConditionals.h"
# Quick to build.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_TARGET_DIR="$out" CARGO_BUILD_TARGET=$triple CARGO_TARGET_AARCH64_APPLE_DARWIN_LINKER="$out/cc" SDKROOT="$out/sdk"
export CC_aarch64_apple_darwin=clang
export CFLAGS_aarch64_apple_darwin="-nostdlibinc -DRING_CORE_NOSTDLIBINC=1 -D__MM_MALLOC_H -I$out/headers"
cd "$root"

# ---- What there is to link with ----
cargo rustc --release --lib --features capi --crate-type staticlib
# Other kinds of processors than ours are not known to every linker.
sed -E 's/(, *)?arm64e\.[a-z0-9]+-[a-z]+//g; s/arm64e-/arm64-/g' "$zig/lib/libc/darwin/libSystem.tbd" >"$out/sdk/usr/lib/libSystem.tbd"
ln -s libSystem.tbd "$out/sdk/usr/lib/libc.tbd"
ln -s libSystem.tbd "$out/sdk/usr/lib/libm.tbd"
theirs() { # FILE NAME PATTERN: what the library asks of them, and no more
    mkdir -p "$(dirname "$out/sdk/$1")"
    llvm-nm -u "$out/$triple/release/libroomcast.a" 2>/dev/null | awk '{ print $NF }' | grep -E "$3" | sort -u | paste -sd, >"$out/asked" || true
    printf -- "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\ninstall-name: '%s'\nexports:\n  - targets: [ arm64-macos ]\n    symbols: [ %s ]\n...\n" \
        "$2" "$(cat "$out/asked")" >"$out/sdk/$1"
}
frameworks=System/Library/Frameworks
theirs usr/lib/libiconv.tbd /usr/lib/libiconv.2.dylib '^_(lib)?iconv'
for one in "Security/^_(k?(Sec|SSL|CMS)[A-Z]|Authorization)" CoreFoundation/^_k?CF[A-Z]; do
    name=${one%%/*}
    theirs "$frameworks/$name.framework/$name.tbd" "/$frameworks/$name.framework/Versions/A/$name" "${one#*/}"
done

# ---- Installed: one file and two names for it, known to the loader by the one with the version of the C interface ----
SYSTEM=Darwin make -s install PREFIX=/opt/roomcast DESTDIR="$out/stage" STRIP=llvm-strip
prefix=$out/stage/opt/roomcast
library=$prefix/lib/libroomcast.dylib
[ "$(readlink "$library")" = libroomcast.1.dylib ]
[ "$(llvm-objdump --macho --dylib-id "$library" | tail -n 1)" = @rpath/libroomcast.1.dylib ]
llvm-nm --extern-only --defined-only "$library" | awk 'NF { print $3 }' | sed 's/^_//' | LC_ALL=C sort >"$out/exported"
LC_ALL=C sort include/roomcast.symbols | cmp - "$out/exported"

# ---- Programs, with what pkg-config says ----
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$out/stage"
headers="-w -nostdlibinc -I$zig/lib/libc/include/any-darwin-any"
# shellcheck disable=SC2046,SC2086 # lists of options
{
    "$out/cc" $headers $(pkg-config --cflags roomcast) -c tests/c/install/app.c -o "$out/app.o"
    "$out/cc" "$out/app.o" $(pkg-config --libs roomcast) -o "$out/shared"
    llvm-objdump --macho --dylibs-used "$out/shared" | grep -qF @rpath/libroomcast.1.dylib
    # With no shared library about, the linker takes the archive.
    rm "$prefix"/lib/libroomcast*.dylib
    "$out/cc" "$out/app.o" $(pkg-config --static --libs roomcast) -o "$out/static"
    if llvm-objdump --macho --dylibs-used "$out/static" | grep -F libroomcast; then exit 1; fi
}
