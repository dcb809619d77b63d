// What the C++ tests check with. It must not need exceptions: the tests are compiled without them as well.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>

inline int checks = 0;

#define CHECK(condition)                                                                                               \
    (++checks, (condition) ? static_cast<void>(0)                                                                      \
                           : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))

#endif
