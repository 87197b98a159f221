// Maps beyond int16: less an offset, and what is still beyond it item by item; or in two halves.
#pragma once

#include <cstdint>
#include <memory>
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
// Items [begin, end) as high·2^bits + low, with low in [−2^(bits−1), 2^(bits−1)), both int16.
SMARTVM_KERNEL(void, halve, const Items& items, int bits, int16_t* low, int16_t* high, long begin,
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

// A map in two halves, as `halve` makes them.
class Halves {
 public:
  Halves(Isa set, const Items& items, int bits)
      : count_(items.count), memory_(new int16_t[static_cast<std::size_t>(2 * count_)]) {
    int16_t *low = memory_.get(), *high = low + count_;
    SMARTVM_CHOOSE_FOR(set, halve)(items, bits, low, high, 0, static_cast<long>(count_));
  }

  const int16_t* of(int half) const { return memory_.get() + half * count_; }

 private:
  const std::int64_t count_;
  const std::unique_ptr<int16_t[]> memory_;
};

}  // namespace smartvm
