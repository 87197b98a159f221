// Maps beyond int16: less an offset, and what is still beyond it item by item.
#pragma once

#include <cstdint>
#include <vector>

#include "isa.h"
#include "items.h"

namespace smartvm {

// A value beyond int16 at an index of the map: what it exceeds the int16 in its place by.
struct Outlier {
  long index;
  int32_t excess;
};

// offset · sums, modulo 2^32.
inline std::vector<int32_t> times(const std::vector<std::int64_t>& sums, int32_t offset) {
  std::vector<int32_t> result;
  result.reserve(sums.size());
  for (const std::int64_t sum : sums)
    result.push_back(
        static_cast<int32_t>(static_cast<std::uint64_t>(sum) *
                             static_cast<std::uint64_t>(static_cast<std::int64_t>(offset))));
  return result;
}

}  // namespace smartvm

// Items [begin, end) of int16 or int32 less the offset, saturated to int16; whether that cut any.
SMARTVM_KERNEL(bool, less_offset, const Items& items, int32_t offset, int16_t* less, long begin,
               long end)

namespace smartvm {

// Items of int16 or int32 less the offset, saturated to int16; what that cuts off goes to
// `outliers`.
inline void subtract(Isa set, const Items& items, int32_t offset, int16_t* less,
                     std::vector<Outlier>& outliers) {
  constexpr long block = 512;
  const auto count = static_cast<long>(items.count);
  for (long begin = 0; begin < count; begin += block) {
    const long end = begin + block < count ? begin + block : count;
    if (!SMARTVM_CHOOSE_FOR(set, less_offset)(items, offset, less, begin, end)) continue;
    for (long i = begin; i < end; ++i) {
      const int32_t item = items.bytes == 2 ? static_cast<const int16_t*>(items.data)[i]
                                            : static_cast<const int32_t*>(items.data)[i];
      if (item - offset != less[i]) outliers.push_back({i, item - offset - less[i]});
    }
  }
}

}  // namespace smartvm
