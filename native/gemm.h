// The product at the heart of convolution and matrix products: some pixels by a block of channels.
//
// A pixel is a window that lies in memory as a few runs of int16, and the same few steps away from
// its neighbour's; a row of a matrix is one with a single run. A vector's lanes are output
// channels: weights are packed by blocks of channels, (pairs of the window, channels of the block,
// 2), and each pair of a pixel's items is broadcast to all lanes. So strides cost nothing, and a
// small plane fills the vectors as well as a large one.
#pragma once

#include "epilogue.h"
#include "vectors.h"

namespace smartvm {

// Runs of a window: where each begins, behind the first item of the pixel's window, and its length
// in pairs of items. A run of an odd number of items ends with an item that its weight, 0, cancels.
struct Runs {
  const long* offsets;
  const int* pairs;
  int count;
};

namespace SMARTVM_ISA {
namespace {

constexpr int BLOCK = 2 * LANES;  // channels

#if defined(SMARTVM_ISA_avx512)
constexpr int MOST_PIXELS = 14;  // 28 sums, 2 vectors of weights, a pair of items
#elif defined(SMARTVM_ISA_avx2)
constexpr int MOST_PIXELS = 6;
#else
constexpr int MOST_PIXELS = 4;
#endif
constexpr int HALF = MOST_PIXELS / 2;

// Two runs of neighbouring pixels: the first (pixels + 1) / 2 from one place of the panel on, the
// others from another.
struct Tile {
  long first, second;
  int pixels;
};

// The sums of P pixels and a block of channels, beginning with `start`, to (P, BLOCK).
template <int P>
void product(const int16_t* x, const Tile& tile, long stride, const Runs& runs,
             const int16_t* weights, const int32_t* start, int32_t* sums) {
  Vector low[P], high[P];
  SMARTVM_UNROLL for (int p = 0; p < P; ++p) {
    low[p] = load(start);
    high[p] = load(start + LANES);
  }
  constexpr int A = (P + 1) / 2;
  const long s3 = 3 * stride, s5 = 5 * stride;
  for (int r = 0; r < runs.count; ++r) {
    const int16_t* a = x + tile.first + runs.offsets[r];
    const int16_t* b = x + tile.second + runs.offsets[r];
    for (int n = runs.pairs[r]; n > 0; --n) {
      const Vector w0 = load(weights), w1 = load(weights + 2 * LANES);
      weights += 2 * BLOCK;
      const auto at = [&](const int16_t* from, int p) {
        return from + (p == 3 ? s3 : p == 5 ? s5 : p == 6 ? 2 * s3 : p * stride);
      };
      SMARTVM_UNROLL for (int p = 0; p < P; ++p) {
        const Vector pair = broadcast_pair(p < A ? at(a, p) : at(b, p - A));
        low[p] = dot(low[p], pair, w0);
        high[p] = dot(high[p], pair, w1);
      }
      a += 2;
      b += 2;
    }
  }
  SMARTVM_UNROLL for (int p = 0; p < P; ++p) {
    store(sums + p * BLOCK, low[p]);
    store(sums + p * BLOCK + LANES, high[p]);
  }
}

using Product = void (*)(const int16_t*, const Tile&, long, const Runs&, const int16_t*,
                         const int32_t*, int32_t*);

// The product of `pixels` pixels, P or fewer.
template <int P>
inline Product product_of(int pixels) {
  if constexpr (P > 1)
    if (pixels < P) return product_of<P - 1>(pixels);
  return product<P>;
}

}  // namespace
}  // namespace SMARTVM_ISA
}  // namespace smartvm
