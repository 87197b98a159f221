// Sums, extremes and their indices along an axis.
#pragma once

#include <cstdint>

#include "isa.h"
#include "items.h"

namespace smartvm {

enum class Reduced { sum, greatest, least, index_of_greatest, index_of_least };

// x is seen as (…, axis, inner). Sums are in `out_bytes`, 4 or 8, which hold every partial sum;
// extremes in the form of x; indices in 8 bytes.
struct Reduction {
  Items x;
  void* out;
  int out_bytes;
  Reduced kind;
  bool last;  // of several extremes the last counts, not the first
  std::int64_t axis, inner;
};

}  // namespace smartvm

// The outer indices [begin, end); the bounds of the results.
SMARTVM_KERNEL(Bounds, reduce, const Reduction& job, std::int64_t begin, std::int64_t end)
