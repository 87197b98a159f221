// What pooling does to a window, and the rows of a plane that belong to one output row. Like forms.h,
// for files that are compiled once for each instruction set.
#pragma once

#include <cstdint>

#include "divider.h"
#include "forms.h"
#include "pooling.h"

namespace smartvm {
namespace {

// Items that are taken at a time, in loops of a fixed length: they become a few vectors. (Of a loop
// of fewer, the compiler makes single items.)
constexpr std::int64_t lanes = 32;

constexpr std::int64_t whole_lanes(std::int64_t count) { return (count + lanes - 1) / lanes * lanes; }

// each(i) for the items of `count`, many at a time as long as they last. What one i writes, no other
// i may read.
template <class Each>
inline void by_lanes(std::int64_t count, Each each) {
  std::int64_t start = 0;
  for (; start + lanes <= count; start += lanes)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
    for (std::int64_t i = 0; i < lanes; ++i) each(start + i);
  for (; start < count; ++start) each(start);
}

// The greatest of the cells of a window. `Sum` is the type in which cells are combined.
template <class Sum>
struct Greatest {
  static constexpr Sum neutral = static_cast<Sum>(Sum(1) << (8 * sizeof(Sum) - 1));
  static Sum combine(Sum a, Sum b) { return greater(a, b); }
  static Sum result(Sum value, std::int64_t) { return value; }

  template <class T>
  void results(const Sum* values, T* out, std::int64_t count, std::int64_t) {
    by_lanes(count, [=](auto i) { out[i] = static_cast<T>(values[i]); });
  }
};

// The sum of the cells of a window, divided by how many it counts.
template <class Sum>
struct Average {
  static constexpr Sum neutral = 0;
  static Sum combine(Sum a, Sum b) { return static_cast<Sum>(a + b); }
  static Sum result(Sum value, std::int64_t counted) { return static_cast<Sum>(value / counted); }

  template <class T>
  void results(const Sum* values, T* out, std::int64_t count, std::int64_t counted) {
    if (counted == 1)
      return by_lanes(count, [=](auto i) { out[i] = static_cast<T>(values[i]); });
    if (counted != counted_) {
      counted_ = counted;
      divider_ = Divider<Unsigned<Sum>>(static_cast<std::uint64_t>(counted));
    }
    by_lanes(count, [=, divider = divider_](auto i) {
      out[i] = static_cast<T>(quotient<false>(values[i], divider));
    });
  }

 private:
  std::int64_t counted_ = 2;
  Divider<Unsigned<Sum>> divider_{2};
};

// The rows of a plane that belong to one output row.
template <class Kind, class T, class Sum>
class Rows {
 public:
  Rows(const T* plane, const Pool& job, const Window& depth, const Window& height)
      : plane_(plane), job_(job), depth_(depth), height_(height) {}

  // The columns first, …, first + count − 1, combined, into `sums`. Where nothing speaks against
  // it, more columns than that are read and written: whole lanes.
  void combine(std::int64_t first, std::int64_t count, Sum* sums) const {
    const T* last = row(depth_.cells - 1, height_.cells - 1) + first;
    const T* end = static_cast<const T*>(job_.x.data) + job_.x.count;
    if (end - last >= whole_lanes(count)) count = whole_lanes(count);
    bool fresh = true;
    for (std::int64_t d = 0; d < depth_.cells; ++d) {
      std::int64_t h = 0;
      if (fresh) h = start(d, first, sums, count);
      fresh = false;
      for (; h < height_.cells; ++h) {
        const T* a = row(d, h) + first;
        by_lanes(count, [=](auto i) { sums[i] = Kind::combine(sums[i], a[i]); });
      }
    }
  }

 private:
  const T* row(std::int64_t d, std::int64_t h) const {
    const PoolAxis* axes = job_.axes;
    const std::int64_t depth = depth_.first + d * axes[0].step;
    const std::int64_t height = height_.first + h * axes[1].step;
    return plane_ + (depth * axes[1].size + height) * axes[2].size;
  }

  // The first rows, up to three at once; how many.
  std::int64_t start(std::int64_t d, std::int64_t first, Sum* sums, std::int64_t count) const {
    const T* a = row(d, 0) + first;
    if (height_.cells == 1) {
      by_lanes(count, [=](auto i) { sums[i] = a[i]; });
      return 1;
    }
    const T* b = row(d, 1) + first;
    if (height_.cells == 2) {
      by_lanes(count, [=](auto i) { sums[i] = Kind::combine(a[i], b[i]); });
      return 2;
    }
    const T* c = row(d, 2) + first;
    by_lanes(
        count, [=](auto i) { sums[i] = Kind::combine(Kind::combine(a[i], b[i]), c[i]); });
    return 3;
  }

  const T* plane_;
  const Pool& job_;
  const Window& depth_;
  const Window& height_;
};

}  // namespace
}  // namespace smartvm
