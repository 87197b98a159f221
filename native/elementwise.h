// Kernels that take each item by itself. Every one works on items [begin, end) of its job.
#pragma once

#include <cstdint>

#include "isa.h"
#include "items.h"

namespace smartvm {

// out = x + y or x · y, where x is seen as (…, channels, plane) and y has an item a channel.
// `sum_bytes` is a form that holds every result, at least as wide as those of x and y. `out_bytes`
// is that form or the wider one of x and y; where it is narrower than a result, out is void.
struct Combine {
  Items x, y;
  void* out;
  int out_bytes, sum_bytes;
  std::int64_t plane;
  bool product;
};

// out = x / y, y as above: signed, none 0. `out_bytes` holds every quotient.
struct DivideBy {
  Items x, y;
  void* out;
  int out_bytes;
  std::int64_t plane;
  bool nearest;
};

// out = x · factor; `out_bytes` holds every product.
struct Multiply {
  Items x;
  void* out;
  int out_bytes;
  std::int64_t factor;
};

// out = x / divisor, the divisor in [2, 2^bits of x); `out_bytes` holds every quotient.
struct Divide {
  Items x;
  void* out;
  int out_bytes;
  std::uint64_t divisor;
  bool nearest;
};

// out = min(max(x, low), high); `out_bytes` holds them.
struct Clip {
  Items x;
  void* out;
  int out_bytes;
  std::int64_t low, high;
};

// out = x < 0 ? −(−x · numerator / denominator) : min(x, cap). Products, the denominator and the
// cap fit `product_bytes`, signed; the denominator is at least 2.
struct Leaky {
  Items x;
  void* out;
  int out_bytes, product_bytes;
  std::uint64_t numerator, denominator;
  std::int64_t cap;
};

}  // namespace smartvm

SMARTVM_KERNEL(Bounds, combine, const Combine& job, std::int64_t begin, std::int64_t end)
SMARTVM_KERNEL(Bounds, divide_by, const DivideBy& job, std::int64_t begin, std::int64_t end)
SMARTVM_KERNEL(void, multiply, const Multiply& job, std::int64_t begin, std::int64_t end)
SMARTVM_KERNEL(void, divide, const Divide& job, std::int64_t begin, std::int64_t end)
SMARTVM_KERNEL(void, clip, const Clip& job, std::int64_t begin, std::int64_t end)
SMARTVM_KERNEL(void, leaky, const Leaky& job, std::int64_t begin, std::int64_t end)
