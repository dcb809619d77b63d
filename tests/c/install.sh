#!/bin/sh
# Installs the C library into a folder of its own and builds a program against it from outside the tree: with pkg-config,
# shared and static, with CMake, and, where cargo-c is there, from what `cargo cinstall` installs.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
export CARGO_TERM_QUIET=true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
so_version=$(sed -n '/^\[package.metadata.capi.library\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
prefix=$work/prefix

make -s -C "$root" install PREFIX="$prefix" >/dev/null
cp "$root/tests/c/install/app.c" "$root/tests/c/install/app.cpp" "$root/tests/c/install/CMakeLists.txt" "$work"
cd "$work"

runs() { # COMMAND...: prints the version
    said=$("$@")
    [ "$said" = "roomcast $version" ] || { echo "$*: $said" >&2; exit 1; }
}
# What a program needs at run time, among the shared libraries.
needs() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | grep roomcast || true; }
# With pkg-config. What is said by the linker about getaddrinfo in a static program is no error.
# shellcheck disable=SC2046 # lists of options
{
    shared() { # PREFIX
        export PKG_CONFIG_PATH="$1/lib/pkgconfig"
        cc -Wall -Wextra -Werror app.c $(pkg-config --cflags --libs roomcast) -o shared
        [ "$(needs shared)" = libroomcast.so.1 ]
        LD_LIBRARY_PATH="$1/lib" runs ./shared
    }
    plusplus() { # PREFIX
        export PKG_CONFIG_PATH="$1/lib/pkgconfig"
        c++ -std=c++17 app.cpp $(pkg-config --cflags --libs roomcast) -o cpp
        [ "$(needs cpp)" = libroomcast.so.1 ]
        LD_LIBRARY_PATH="$1/lib" runs ./cpp
    }
    static() { # PREFIX [OPTION]
        export PKG_CONFIG_PATH="$1/lib/pkgconfig"
        cc app.c ${2:-} $(pkg-config --static --cflags --libs roomcast) -o static 2>static.log || {
            cat static.log >&2
            exit 1
        }
        [ "$(needs static)" = "" ]
        runs ./static
    }
}

# One file, and two names for it: the loader's and the linker's.
libraries() { # PREFIX
    [ "$(find "$1/lib" -maxdepth 1 -name 'libroomcast.so*' -type f -printf '%f\n')" = "libroomcast.so.$so_version" ]
    for link in libroomcast.so.1 libroomcast.so; do
        [ "$(basename "$(readlink -f "$1/lib/$link")")" = "libroomcast.so.$so_version" ]
    done
}

# What the loader knows it by, and what it has to offer: the functions of the header, and nothing else.
exports() { # PREFIX
    objdump -p "$1/lib/libroomcast.so" | grep -qE 'SONAME +libroomcast\.so\.1$'
    nm -D --defined-only "$1/lib/libroomcast.so" | awk '{ print $3 }' | LC_ALL=C sort >exported
    LC_ALL=C sort "$root/include/roomcast.symbols" | cmp - exported
}

# Whoever passes the library on passes these on with it.
licences() { # PREFIX
    for file in LICENSE-MIT LICENSE-APACHE bindings/c/LICENSES-linked.txt; do
        cmp "$root/$file" "$1/share/doc/roomcast/$(basename "$file")"
    done
}
"$root/bindings/c/licences.py" --check

libraries "$prefix"
exports "$prefix"
licences "$prefix"
for file in "$prefix/lib/libroomcast.so" "$prefix/lib/libroomcast.a"; do
    objdump -h "$file" >sections
    ! grep -q debug_info sections || { echo "$file is not stripped" >&2; exit 1; }
done
shared "$prefix"
plusplus "$prefix"
static "$prefix" -static
echo "pkg-config: shared and static, and C++"

# With CMake, in C and in C++, from wherever the tree is.
built() { # FOLDER PREFIX
    cmake -S . -B "$1" -DCMAKE_PREFIX_PATH="$2" >cmake.log 2>&1 || { cat cmake.log >&2; exit 1; }
    cmake --build "$1" >cmake.log 2>&1 || { cat cmake.log >&2; exit 1; }
    for app in app app-cpp; do
        runs "$1/$app"
        [ "$(needs "$1/$app")" = libroomcast.so.1 ]
        runs "$1/$app-static"
        [ "$(needs "$1/$app-static")" = "" ]
    done
}
grep -qF "set(PACKAGE_VERSION \"$version\")" "$root/bindings/c/cmake/roomcast-config-version.cmake"
built build "$prefix"
mv "$prefix" moved
built again "$work/moved"
# As cargo-c lays it out: below share.
cp -r moved shared-data
mkdir -p shared-data/share
mv shared-data/lib/cmake shared-data/share/cmake
built data "$work/shared-data"
mv moved "$prefix"
echo "CMake: C and C++, shared and static, moved too"

# Staged for a package: the same files, with the paths of where they will be.
make -s -C "$root" install PREFIX=/usr LIBDIR=/usr/lib/somewhere DESTDIR="$work/stage" >/dev/null
grep -qx 'libdir=/usr/lib/somewhere' stage/usr/lib/somewhere/pkgconfig/roomcast.pc
mkdir elsewhere
printf 'cmake_minimum_required(VERSION 3.16)\nproject(elsewhere LANGUAGES C)\nfind_package(roomcast REQUIRED)\n' >elsewhere/CMakeLists.txt
cmake -S elsewhere -B elsewhere/build -Droomcast_DIR="$work/stage/usr/lib/somewhere/cmake/roomcast" >cmake.log 2>&1 || { cat cmake.log >&2; exit 1; }
make -s -C "$root" uninstall PREFIX=/usr LIBDIR=/usr/lib/somewhere DESTDIR="$work/stage"
make -s -C "$root" uninstall PREFIX="$prefix"
# For another machine cargo writes elsewhere.
CARGO_BUILD_TARGET=other make -n -C "$root" install >dry
grep -q '/other/release/libroomcast.a' dry
# What a Mac would be told. Its linker knows no soname, its loader another name.
SYSTEM=Darwin make -n -C "$root" install PREFIX=/opt/roomcast STRIP=strip >dry
grep -q 'link-arg=-Wl,-install_name,@rpath/libroomcast.1.dylib' dry
grep -q 'framework Security -framework CoreFoundation' dry
grep -q "strip -x '/opt/roomcast/lib/libroomcast.1.0.0.dylib'" dry
grep -q "ln -sf libroomcast.1.dylib '/opt/roomcast/lib/libroomcast.dylib'" dry
if grep -e soname -e '\.so' -e strip-unneeded dry; then exit 1; fi
left=$(find stage "$prefix" ! -type d)
[ "$left" = "" ] || { echo "left behind: $left" >&2; exit 1; }
echo "staged, and uninstalled without a trace"

# By cargo-c, staged for a package too: its files have the paths of where they will be, and are found where they are.
if ! command -v cargo-cinstall >/dev/null; then
    echo "NOT RUN: cargo cinstall: there is no cargo-c (cargo install cargo-c --locked, some ten minutes)"
    exit 0
fi
(cd "$root" && cargo cinstall --release --prefix "$prefix" --libdir "$prefix/lib" --destdir "$work/stage" >"$work/cinstall.log" 2>&1) || {
    cat "$work/cinstall.log" >&2
    exit 1
}
staged=$work/stage$prefix
cmp "$root/include/roomcast.h" "$staged/include/roomcast.h"
cmp "$root/bindings/cpp/roomcast.hpp" "$staged/include/roomcast.hpp"
for file in "$root"/bindings/c/cmake/*.cmake; do cmp "$file" "$staged/share/cmake/roomcast/$(basename "$file")"; done
grep -qx "prefix=$prefix" "$staged/lib/pkgconfig/roomcast.pc"
libraries "$staged"
exports "$staged"
licences "$staged"
built cinstalled "$staged"
export PKG_CONFIG_SYSROOT_DIR="$work/stage"
[ "$(pkg-config --modversion "$staged/lib/pkgconfig/roomcast.pc")" = "$version" ]
shared "$staged"
plusplus "$staged"
# Its -lgcc_s is a shared library only; with no libroomcast.so about, the linker takes the archive.
rm "$staged"/lib/libroomcast.so*
static "$staged"
echo "cargo cinstall: shared and static, in C and C++, with pkg-config and CMake"
