// What is beyond int16 in a map, added to the sums pixel by pixel.
#pragma once

#include "gemm.h"
#include "panel.h"

namespace smartvm::SMARTVM_ISA {
namespace {

// What an outlier adds to a pixel of a chunk: its excess times a weight of each channel.
struct Excess {
  long weight;  // in a block's packed weights: the pair
  bool odd;     // the second of the pair
  int32_t value;
  long next;  // of the same pixel, or -1
};

// List what the outliers add to the pixels of a chunk.
inline void list_excesses(const Convolution& job, const Chunk& chunk, long* first_of,
                          Excess* excesses) {
  const Geometry& g = job.shape;
  const int run = (g.channels * (g.joined ? g.kernel[2] : 1) + 1) / 2;
  const long channel0 = (static_cast<long>(chunk.sample) * g.groups + chunk.group) * g.channels;
  for (long i = 0; i < static_cast<long>(chunk.rows) * chunk.columns; ++i) first_of[i] = -1;
  long count = 0;
  for (const Outlier* o = job.outliers; o < job.outliers + job.outlier_count; ++o) {
    const int column = static_cast<int>(o->index % g.size[2]);
    const long above = o->index / g.size[2];
    const int row = static_cast<int>(above % g.size[1]);
    const int depth = static_cast<int>(above / g.size[1] % g.size[0]);
    const long channel = above / g.size[1] / g.size[0] - channel0;
    if (channel < 0 || channel >= g.channels) continue;
    for (int z = 0; z < g.kernel[0]; ++z) {
      if (window_at(g, 0, depth, z, chunk.depth, 1) < 0) continue;
      for (int y = 0; y < g.kernel[1]; ++y) {
        const int r = window_at(g, 1, row, y, chunk.row, chunk.rows);
        for (int x = 0; r >= 0 && x < g.kernel[2]; ++x) {
          const int c = window_at(g, 2, column, x, chunk.column, chunk.columns);
          if (c < 0) continue;
          const long line = static_cast<long>(z) * g.kernel[1] + y;
          const long item = g.joined ? x * static_cast<long>(g.channels) + channel : channel;
          const long pair = (g.joined ? line : line * g.kernel[2] + x) * run + item / 2;
          long& first = first_of[static_cast<long>(r) * chunk.columns + c];
          excesses[count] = {pair * 2 * BLOCK, item % 2 == 1, o->excess, first};
          first = count++;
        }
      }
    }
  }
}

// Add them to the sums (count, BLOCK) of pixels from `pixel` on.
inline void add_excesses(const long* first_of, const Excess* excesses, const int16_t* weights,
                         long pixel, int count, int32_t* sums) {
  for (int p = 0; p < count; ++p, sums += BLOCK)
    for (long at = first_of[pixel + p]; at >= 0; at = excesses[at].next) {
      const Excess& excess = excesses[at];
      const Vector value = broadcast(excess.value);
      for (int half = 0; half < 2; ++half) {
        const Vector pairs = load(weights + excess.weight + half * 2 * LANES);
        int32_t* to = sums + half * LANES;
        store(to, add(load(to), multiply(value, excess.odd ? odd(pairs) : even(pairs))));
      }
    }
}

}  // namespace
}  // namespace smartvm::SMARTVM_ISA
