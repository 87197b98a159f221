// Convolution without a materialised im2col: jobs that the binding fills and the kernels run.
#pragma once

#include "epilogue.h"
#include "isa.h"
#include "offset.h"

namespace smartvm {

// What follows from the shape alone. Axes are depth, height, width.
struct Geometry {
  int batch, groups, channels, outs;  // channels and outs of a group
  int size[3], out[3], kernel[3];
  int stride[3];  // between windows, in cells of the panel
  int step[3];    // between the cells of the map that a panel holds: 1, or a skipped stride
  int before[3];  // padding before the plane, negative where it is cropped
  int dilation[3];
  bool joined;  // whether the cells of a window's row lie side by side in a panel
};

// One multiplication of int16 maps by int16 weights; the results of several are added, shifted.
struct Pass {
  const int16_t* x;        // (batch, groups·channels, *size)
  const int16_t* weights;  // packed: (groups, blocks, pairs, BLOCK, 2)
  int shift;
};

constexpr int most_passes = 4;

struct Convolution {
  Geometry shape;
  Pass passes[most_passes];
  int pass_count;
  int16_t fill;             // what padding holds: −offset of the map
  const int32_t* start;     // (groups, blocks, BLOCK): offset · Σ weights
  int half_bits;            // 0, or: the first pass has these low bits of the map, the second the rest
  int chunk_pairs;          // 0: int32 sums; else int64 ones, of int32 sums of so many pairs
  const Outlier* outliers;  // in order of index
  long outlier_count;
  Items items;            // of a depthwise convolution in doubles: the map, int16 or int32
  const double* doubles;  // and its weights: (groups, outs, taps)
  int rows, columns;  // of the out plane that a chunk has, at most
  int parts;
  Epilogue epilogue;
};

inline long window_taps(const Geometry& g) {
  return static_cast<long>(g.kernel[0]) * g.kernel[1] * g.kernel[2];
}

// Pairs of items in a window, and how many channels a block of packed weights has.
inline long window_pairs(const Geometry& g) {
  const long run = static_cast<long>(g.channels) * (g.joined ? g.kernel[2] : 1);
  const long runs = static_cast<long>(g.kernel[0]) * g.kernel[1] * (g.joined ? 1 : g.kernel[2]);
  return runs * ((run + 1) / 2);
}

}  // namespace smartvm

SMARTVM_KERNEL(int, block_channels)
// Bytes of scratch that a part of a convolution takes.
SMARTVM_KERNEL(long, convolution_scratch, const Convolution& job)
// Pack int16 weights (groups, outs, channels, kernel), transposed where (groups, channels, outs,
// kernel)
SMARTVM_KERNEL(void, pack_weights, const Geometry& shape, const int16_t* weights, int16_t* packed)
// The same for a convolution of one channel a group, in int32, whose weights lie as pairs of taps:
// (groups, outs, taps / 2 rounded up, 2).
SMARTVM_KERNEL(long, depthwise_scratch, const Convolution& job)
SMARTVM_KERNEL(void, depthwise, const Convolution& job, int part, void* scratch,
               StageBounds& bounds)
// The same in doubles.
SMARTVM_KERNEL(long, depthwise_doubles_scratch, const Convolution& job)
SMARTVM_KERNEL(void, depthwise_doubles, const Convolution& job, int part, void* scratch,
               StageBounds& bounds)
SMARTVM_KERNEL(void, convolve, const Convolution& job, int part, void* scratch, StageBounds& bounds)
