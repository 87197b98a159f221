// Weights as products take them, and what bounds their sums.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "gemv.h"
#include "items.h"

namespace smartvm {

// Items beyond int16 are taken apart: item = part 0 + part 1 · 2^15, for magnitudes below
// 2^30 - 2^14. So part 0 is less than 2^14 in magnitude, or equal, and a pair of products of parts
// never exceeds 2^30.
constexpr int part_bits = 15;

inline int16_t low_part(int32_t value) {
  return static_cast<int16_t>(((value + (1 << 14)) & 0x7fff) - (1 << 14));
}
inline int16_t high_part(int32_t value) {
  return static_cast<int16_t>((value - low_part(value)) >> part_bits);
}

// The int16 parts of items: one of int16, two of int32.
inline std::vector<std::vector<int16_t>> parts_of(const Items& items) {
  const auto count = static_cast<std::size_t>(items.count);
  if (items.bytes == 2) {
    const auto* data = static_cast<const int16_t*>(items.data);
    return {std::vector<int16_t>(data, data + count)};
  }
  const auto* data = static_cast<const int32_t*>(items.data);
  std::vector<std::vector<int16_t>> parts(2, std::vector<int16_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    parts[0][i] = low_part(data[i]);
    parts[1][i] = high_part(data[i]);
  }
  return parts;
}

// Over all outputs: the greatest sum of its positive weights, the greatest sum of the magnitudes of
// its negative ones, and the greatest Euclidean norm, rounded up.
struct WeightBounds {
  std::int64_t positive = 0, negative = 0, norm = 0;

  // Note the weights of one output; their sum.
  std::int64_t include(Isa set, const int16_t* weights, long count) {
    std::int64_t sums[3];
    SMARTVM_CHOOSE_FOR(set, sum_weights)(weights, count, sums);
    return note(sums[0], sums[1], static_cast<double>(sums[2]));
  }

  std::int64_t include(Isa, const int32_t* weights, long count) {
    std::int64_t above = 0, below = 0;
    double squares = 0;
    for (long i = 0; i < count; ++i) {
      const std::int64_t w = weights[i];
      (w > 0 ? above : below) += w;
      squares += static_cast<double>(w) * static_cast<double>(w);
    }
    return note(above, below, squares);
  }

 private:
  std::int64_t note(std::int64_t above, std::int64_t below, double squares) {
    // The roundings of `squares` are less than a part in 2^20 even of 2^32 terms.
    const auto root = static_cast<std::int64_t>(std::sqrt(squares) * (1 + 1.0 / (1 << 20))) + 1;
    if (above > positive) positive = above;
    if (-below > negative) negative = -below;
    if (root > norm) norm = root;
    return above + below;
  }
};

}  // namespace smartvm
