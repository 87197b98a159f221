// Copies of items: strided views, rows put side by side, rows looked up.
#pragma once

#include <cstdint>

#include "isa.h"
#include "items.h"

namespace smartvm {

// out = x[offset + Σ index · stride] for each index below `dims`, the last fastest; at least one
// axis, no dimension 0. `x` and `out` are of the same form.
struct View {
  Items x;
  void* out;
  std::int64_t offset;
  int axes;
  std::int64_t dims[8], strides[8];
};

// Row r of x, of `row` items, goes to out + start + r · pitch; `out` is of no narrower form.
struct Place {
  Items x;
  void* out;
  int out_bytes;
  std::int64_t row, start, pitch;
};

// out = the row of `data`, of `columns` items, that each index names; −1 is the last. `data` and
// `out` are of the same form.
struct Gather {
  Items indices, data;
  void* out;
  std::int64_t columns;
};

}  // namespace smartvm

// The rows [begin, end), a row being the items along the last axis; their bounds.
SMARTVM_KERNEL(Bounds, view, const View& job, std::int64_t begin, std::int64_t end)
// The rows [begin, end) of x.
SMARTVM_KERNEL(void, place, const Place& job, std::int64_t begin, std::int64_t end)
// The indices [begin, end); the bounds of what they name.
SMARTVM_KERNEL(Bounds, gather, const Gather& job, std::int64_t begin, std::int64_t end)
