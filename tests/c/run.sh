#!/bin/sh
# Compiles the C programs of the repository as C99, C23 and C++17, and runs those of tests/c plain, under AddressSanitizer and
# UBSan, and under valgrind. The library is there already (`make lib`).
#   tests/c/run.sh DIR [NAME...]    DIR holds libroomcast.so and libroomcast.a; NAMEs choose programs of tests/c
set -eu

lib=$(cd "$1" && pwd)
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$lib/c-tests
mkdir -p "$out"
cd "$root"

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
    if "$@" >"$out/log" 2>&1; then say "$what" 0; else say "$what" 1; fi
}

strict="-Wall -Wextra -Werror -pedantic -Iinclude -Itests/c -g -O1"
links="-L$lib -Wl,-rpath,$lib -lroomcast -lpthread"
valgrind="valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --num-callers=30"

# ---- Every C file that includes the header compiles in each dialect. Add folders here. ----
for file in tests/c/*.c examples/c/*.c; do
    [ -f "$file" ] || continue
    check "$file as C99" cc -std=c99 $strict -c "$file" -o "$out/any.o"
    check "$file as C23" cc -std=c2x $strict -c "$file" -o "$out/any.o"
    check "$file as C++17" c++ -std=c++17 -x c++ $strict -c "$file" -o "$out/any.o"
done

# ---- The programs of tests/c ----
for file in tests/c/*.c; do
    name=$(basename "$file" .c)
    [ "$name" != support ] || continue
    if [ $# -gt 0 ]; then
        case " $* " in *" $name "*) ;; *) continue ;; esac
    fi
    sources="$file tests/c/support.c"
    # shellcheck disable=SC2086 # lists of options
    {
        check "$name builds" cc -std=c99 $strict $sources $links -o "$out/$name"
        check "$name" "$out/$name"
        check "$name, static, builds" cc -std=c99 $strict $sources "$lib/libroomcast.a" -lpthread -ldl -lm -o "$out/$name-static"
        check "$name, static" env ROOMCAST_TEST_PERCENT=5 "$out/$name-static"
        check "$name, sanitized, builds" cc -std=c99 $strict -fsanitize=address,undefined -fno-sanitize-recover=all \
            $sources $links -o "$out/$name-san"
        check "$name, sanitized" env ROOMCAST_TEST_PERCENT=30 "$out/$name-san"
        check "$name, valgrind" env ROOMCAST_TEST_PERCENT=2 $valgrind "$out/$name"
    }
done

# ---- What the library exports, and its name ----
nm -D --defined-only "$lib/libroomcast.so" | awk '$2 ~ /[A-Z]/ { print $3 }' | LC_ALL=C sort >"$out/exported"
check "exported symbols" diff include/roomcast.symbols "$out/exported"
soname() { objdump -p "$lib/libroomcast.so" | grep -q 'SONAME *libroomcast\.so\.1$'; }
check "SONAME" soname

echo "C programs: $passed passed, $failed failed"
[ "$failed" = 0 ]
