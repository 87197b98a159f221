// Items to packed bytes and back: two's complement integers of 1 to 32 bytes, in either byte order.
#pragma once

#include <cstdint>

#include "isa.h"
#include "items.h"

namespace smartvm {

// `count` packed items of `width` bytes.
struct Packed {
  std::uint8_t* bytes;
  std::int64_t count;
  int width;
  bool big_endian, is_signed;
};

}  // namespace smartvm

// Items [begin, end) into `out`, of `out_bytes` each; where that is narrower than an item, out is
// void. The bounds of the items; `wide` is set where one does not fit 64 bits, and they are void.
SMARTVM_KERNEL(Bounds, unpack, const Packed& job, void* out, int out_bytes, std::int64_t begin,
               std::int64_t end, bool* wide)
// Items [begin, end) of x, which fit the width, to packed bytes.
SMARTVM_KERNEL(void, pack, const Items& x, const Packed& job, std::int64_t begin, std::int64_t end)
// The bounds of items [begin, end).
SMARTVM_KERNEL(Bounds, bounds, const Items& x, std::int64_t begin, std::int64_t end)
