#include "offset.h"

namespace smartvm::SMARTVM_ISA {

namespace {

template <class Item>
inline bool less(const Item* items, int32_t offset, int16_t* to, long begin, long end) {
  int32_t cut = 0;
  for (long i = begin; i < end; ++i) {
    const int32_t value = items[i] - offset;
    const int32_t kept = value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value;
    to[i] = static_cast<int16_t>(kept);
    cut |= value ^ kept;
  }
  return cut != 0;
}

template <class Item>
inline void halve(const Item* items, int bits, int16_t* low, int16_t* high, long begin, long end) {
  const int32_t half = 1 << (bits - 1);
  for (long i = begin; i < end; ++i) {
    const int32_t upper = (items[i] + half) >> bits;
    high[i] = static_cast<int16_t>(upper);
    low[i] = static_cast<int16_t>(items[i] - (upper << bits));
  }
}

}  // namespace

bool less_offset(const Items& items, int32_t offset, int16_t* to, long begin, long end) {
  if (items.bytes == 2)
    return less(static_cast<const int16_t*>(items.data), offset, to, begin, end);
  return less(static_cast<const int32_t*>(items.data), offset, to, begin, end);
}

void halve(const Items& items, int bits, int16_t* low, int16_t* high, long begin, long end) {
  if (items.bytes == 2)
    return halve(static_cast<const int16_t*>(items.data), bits, low, high, begin, end);
  halve(static_cast<const int32_t*>(items.data), bits, low, high, begin, end);
}

}  // namespace smartvm::SMARTVM_ISA
