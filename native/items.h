// Runs of items as the kernels that work item by item see them.
#pragma once

#include <cstdint>

namespace smartvm {

// `count` signed integers of 2, 4 or 8 bytes each, aligned.
struct Items {
  const void* data;
  int bytes;
  std::int64_t count;
};

// The least and the greatest of some items; of none, low > high.
struct Bounds {
  std::int64_t low = INT64_MAX;
  std::int64_t high = INT64_MIN;

  void include(const Bounds& other) {
    if (other.low < low) low = other.low;
    if (other.high > high) high = other.high;
  }
};

}  // namespace smartvm
