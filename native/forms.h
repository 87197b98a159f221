// What the files that are compiled once for each instruction set share: an item's C++ type from its
// bytes, and exact bounds. All of it has internal linkage (see isa.h).
#pragma once

#include <cstdint>
#include <type_traits>

#include "items.h"

namespace smartvm {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// use(T()) with the type of items of 2, 4 or 8 bytes.
template <class Use>
inline void with_form(int bytes, Use use) {
  if (bytes == 2) return use(std::int16_t());
  if (bytes == 4) return use(std::int32_t());
  use(std::int64_t());
}

template <class T>
constexpr T lesser(T a, T b) {
  return b < a ? b : a;
}

template <class T>
constexpr T greater(T a, T b) {
  return a < b ? b : a;
}

template <class T>
Bounds bounds_of(const T* items, std::int64_t count) {
  if (count == 0) return Bounds();
  T low = items[0], high = items[0];
  for (std::int64_t i = 0; i < count; ++i) {
    low = lesser(low, items[i]);
    high = greater(high, items[i]);
  }
  Bounds bounds;
  bounds.low = low;
  bounds.high = high;
  return bounds;
}

// The bounds of items that are written one run after the other, looked at while they are in the
// cache and not run by run, for a run may be short.
template <class T>
class Trail {
 public:
  explicit Trail(const T* start) : seen_(start) {}

  void reach(const T* end) {
    if (end - seen_ >= 4096) look(end);
  }

  Bounds finish(const T* end) {
    look(end);
    return bounds_;
  }

 private:
  void look(const T* end) {
    bounds_.include(bounds_of(seen_, end - seen_));
    seen_ = end;
  }

  const T* seen_;
  Bounds bounds_;
};

}  // namespace
}  // namespace smartvm
