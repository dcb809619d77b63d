#!/bin/sh
# Runs a program under valgrind, where an error or a leak becomes its exit status. It must not choose what is run.
#   tests/c/valgrind.sh PROGRAM [ARGUMENT...]
# Fair, so that threads that only produce leave the loop its turn.
exec valgrind -q --fair-sched=yes --error-exitcode=9 --leak-check=full --suppressions="$(dirname "$0")/valgrind.supp" \
    --errors-for-leak-kinds=definite,indirect,possible --num-callers=30 "$@"
