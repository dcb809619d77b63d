#!/bin/sh
# Compiles the C programs of the repository as C99, C23 and C++17, and runs those of tests/c, and the C++ header's, plain,
# under AddressSanitizer and UBSan, and under valgrind. The library is there already (`make lib`).
#   tests/c/run.sh DIR [NAME...]    DIR holds libroomcast.so and libroomcast.a; NAMEs choose programs
set -u

lib=$(cd "$1" && pwd) || exit
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$lib/c-tests
mkdir -p "$out"
cd "$root" || exit

passed=0
failed=0
say() { # NAME STATUS
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
        grep -v '^==' "$out/log" | tail -n 40
        grep '^==' "$out/log" | head -n 60
    fi
}
check() { # NAME COMMAND...
    what=$1
    shift
    if "$@" >"$out/log" 2>&1; then say "$what" 0; else say "$what" 1; return 1; fi
}

strict="-Wall -Wextra -Werror -pedantic -Iinclude -Itests/c -g -O1"
links="-L$lib -Wl,-rpath,$lib -lroomcast -lpthread"

# ---- Every C file that includes the header compiles in each dialect. Add folders here. ----
for file in tests/c/*.c tests/c/abi/*/*.c tests/c/install/*.c benches/capi/*.c examples/*/*.c; do
    case $file in examples/windows/*) continue ;; esac # tests/windows/run.sh does
    [ -f "$file" ] && grep -q 'roomcast\.h\|support\.h' "$file" || continue
    check "$file as C99" cc -std=c99 $strict -c "$file" -o "$out/any.o"
    check "$file as C23" cc -std=c2x $strict -fsyntax-only "$file"
    check "$file as C++17" c++ -std=c++17 -x c++ $strict -fsyntax-only "$file"
done

# ---- Programs that end by themselves, with status 0: plain, static, sanitized, under valgrind ----
programs() { # NAME COMPILER SOURCE...
    name=$1
    build="$2 $strict"
    shift 2
    sources=$*
    # shellcheck disable=SC2086 # lists of options
    {
        check "$name builds" $build $sources $links -o "$out/$name" || return
        check "$name" "$out/$name"
        check "$name, static, builds" $build $sources "$lib/libroomcast.a" -lpthread -ldl -lm -o "$out/$name-static" &&
            check "$name, static" env ROOMCAST_TEST_PERCENT=5 "$out/$name-static"
        check "$name, sanitized, builds" $build -fsanitize=address,undefined -fno-sanitize-recover=all \
            $sources $links -o "$out/$name-san" &&
            check "$name, sanitized" env ROOMCAST_TEST_PERCENT=30 "$out/$name-san"
        check "$name, valgrind" env ROOMCAST_TEST_PERCENT=2 tests/c/valgrind.sh "$out/$name"
    }
}
chosen() { # NAME: among those asked for, or nothing was asked for
    [ "$asked" = "" ] || case " $asked " in *" $1 "*) ;; *) return 1 ;; esac
}
asked=$*

for file in tests/c/*.c; do
    name=$(basename "$file" .c)
    [ "$name" != support ] && chosen "$name" || continue
    programs "$name" "cc -std=c99" "$file" tests/c/support.c
done
# Programs as compiled against earlier headers, with the library of today.
for file in tests/c/abi/*/program.c; do
    version=$(basename "$(dirname "$file")")
    chosen "abi-$version" || continue
    programs "abi-$version" "cc -std=c99 -I$(dirname "$file")" "$file" tests/c/support.c
done
if chosen cpp; then # the C++ header's other tests are those of tests/cpp/run.mjs
    programs cpp "c++ -std=c++17 -Ibindings/cpp -Itests/cpp" tests/cpp/unit.cpp
fi

# ---- What the library exports, and its name ----
nm -D --defined-only "$lib/libroomcast.so" | awk '$2 ~ /[A-Z]/ { print $3 }' | LC_ALL=C sort >"$out/exported"
check "exported symbols" diff include/roomcast.symbols "$out/exported"
soname() { objdump -p "$lib/libroomcast.so" | grep -q 'SONAME *libroomcast\.so\.1$'; }
check "SONAME" soname

echo "C programs: $passed passed, $failed failed"
[ "$failed" = 0 ]
