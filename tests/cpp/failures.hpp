// Where a ROOMCAST_THROW of one's own puts failures. It must not need roomcast.hpp, which it is included before.
#ifndef FAILURES_HPP
#define FAILURES_HPP

#include <cstdint>

namespace failures {
inline std::int32_t noted = 0;
inline void note(std::int32_t code) { noted = code; }
inline std::int32_t last() { return noted; }
} // namespace failures

#endif
