// Pooling of planes of three axes (depth, height, width).
#pragma once

#include <cstdint>

#include "isa.h"
#include "items.h"

namespace smartvm {

// The window of one output position of an axis: the cells first, first + step, … that lie in the
// plane, and how many cells an average counts.
struct Window {
  std::int64_t first, cells, counted;
};

struct PoolAxis {
  std::int64_t size, kernel, stride, step, outs, before;
  std::int64_t low, high;      // the cells [low, high) that are not cropped
  const Window* windows;       // one an output
  std::int64_t inner, beyond;  // the outputs [inner, beyond) whose windows count all their cells
};

// The items of `x` are of the same form as those of `out`. Sums of a window fit `sum_bytes`.
struct Pool {
  Items x;
  void* out;
  PoolAxis axes[3];
  bool average;
  int sum_bytes;
};

}  // namespace smartvm

// Planes [begin, end); the bounds of what they give.
SMARTVM_KERNEL(Bounds, pool, const Pool& job, std::int64_t begin, std::int64_t end)
