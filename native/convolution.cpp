#include "convolution.h"

#include "chunk.h"
#include "segment.h"

namespace smartvm::SMARTVM_ISA {

namespace {

// Sums of a tile as int64: those of a few runs at a time as int32, then added, shifted.
inline void product64(const Convolution& job, const Scratch& scratch, const Tile& tile, long stride,
                      const Runs& runs, const int16_t* const* weights, std::int64_t* sums) {
  const Product product = product_of<MOST_PIXELS>(tile.pixels);
  const int items = tile.pixels * BLOCK;
  const int32_t zeros[BLOCK] = {};
  int32_t part[MOST_PIXELS * BLOCK];
  for (int i = 0; i < items; ++i) sums[i] = 0;
  for (int pass = 0; pass < job.pass_count; ++pass) {
    const int16_t* w = weights[pass];
    for (int run = 0; run < runs.count;) {
      int pairs = 0, count = 0;
      do pairs += runs.pairs[run + count++];
      while (run + count < runs.count && pairs + runs.pairs[run + count] <= job.chunk_pairs);
      product(scratch.panels[pass], tile, stride, {runs.offsets + run, runs.pairs + run, count}, w,
              zeros, part);
      for (int i = 0; i < items; ++i)
        sums[i] += static_cast<std::int64_t>(part[i]) << job.passes[pass].shift;
      w += static_cast<long>(pairs) * 2 * BLOCK;
      run += count;
    }
  }
}

// One block of channels of all pixels of a chunk whose panels are laid.
template <class Sum, class Seen, class Multiply, class Correct>
inline void convolve_block(const Convolution& job, const Block& block, const Scratch& scratch,
                           int tiles, Seen& seen, const Multiply& multiply,
                           const Correct& correct) {
  alignas(64) Sum sums[(SEGMENT + MOST_PIXELS) * BLOCK];
  const Geometry& g = job.shape;
  const long plane = static_cast<long>(g.out[0]) * g.out[1] * g.out[2];
  int held = 0;
  long done = 0;
  const auto give = [&](int count) {
    correct(done, count, sums);
    settle(job.epilogue, sums, count, block.channels, block.channel, block.index + done, plane,
           seen);
    done += count;
    held -= count;
  };
  for (int i = 0; i < tiles; ++i) {
    multiply(scratch.tiles[i], sums + held * BLOCK);
    held += scratch.tiles[i].pixels;
    if (held < SEGMENT) continue;
    give(SEGMENT);
    std::memcpy(sums, sums + SEGMENT * BLOCK, static_cast<size_t>(held) * BLOCK * sizeof *sums);
  }
  if (held) give(held);
}

// The same where the map is in two halves, whose sums are held side by side.
inline void convolve_halves(const Convolution& job, const Block& block, const Scratch& scratch,
                            int tiles, long stride, const Runs& runs, const int16_t* weights,
                            DoubleExtremes& seen) {
  alignas(64) int32_t halves[2][(SEGMENT + HALF) * BLOCK], sums[MOST_PIXELS * BLOCK];
  const int32_t zeros[BLOCK] = {};
  const double scale = static_cast<double>(1 << job.half_bits);
  const Geometry& g = job.shape;
  const long plane = static_cast<long>(g.out[0]) * g.out[1] * g.out[2];
  const auto bytes = [](int pixels) { return static_cast<size_t>(pixels) * BLOCK * sizeof *sums; };
  int held = 0;
  long done = 0;
  for (int i = 0; i < tiles; ++i) {
    const int pixels = scratch.tiles[i].pixels / 2;
    product_of<MOST_PIXELS>(2 * pixels)(scratch.panels[0], scratch.tiles[i], stride, runs, weights,
                                        zeros, sums);
    for (int half = 0; half < 2; ++half)
      std::memcpy(halves[half] + held * BLOCK, sums + half * pixels * BLOCK, bytes(pixels));
    held += pixels;
    if (held < SEGMENT && i + 1 < tiles) continue;
    const int count = held < SEGMENT ? held : SEGMENT;
    settle(job.epilogue, halves[0], halves[1], scale, count, block.channels, block.channel,
           block.index + done, plane, seen);
    done += count;
    held -= count;
    for (int half = 0; half < 2 && held; ++half)
      std::memcpy(halves[half], halves[half] + SEGMENT * BLOCK, bytes(held));
  }
  if (held)
    settle(job.epilogue, halves[0], halves[1], scale, held, block.channels, block.channel,
           block.index + done, plane, seen);
}

}  // namespace

int block_channels() { return BLOCK; }

long convolution_scratch(const Convolution& job) { return Scratch(job, nullptr).bytes; }

void pack_weights(const Geometry& g, const int16_t* weights, int16_t* packed) {
  const int taps = g.joined ? 1 : g.kernel[2], width = g.joined ? g.kernel[2] : 1;
  const int run = g.channels * width;
  const long window = static_cast<long>(g.kernel[0]) * g.kernel[1] * g.kernel[2];
  for (int group = 0; group < g.groups; ++group)
    for (int first = 0; first < g.outs; first += BLOCK)
      for (int row = 0; row < g.kernel[0] * g.kernel[1]; ++row)
        for (int tap = 0; tap < taps; ++tap)
          for (int pair = 0; pair < run; pair += 2, packed += 2 * BLOCK)
            for (int i = 0; i < 2 * BLOCK; ++i) {
              const int out = first + i / 2, item = pair + i % 2;
              const long cell = static_cast<long>(row) * g.kernel[2] + tap + item / g.channels;
              const long channel =
                  (static_cast<long>(group) * g.outs + out) * g.channels + item % g.channels;
              packed[i] =
                  out < g.outs && item < run ? weights[channel * window + cell] : int16_t(0);
            }
}

void convolve(const Convolution& job, int part, void* memory, StageBounds& bounds) {
  const Geometry& g = job.shape;
  const Scratch scratch(job, memory);
  const long stride = static_cast<long>(g.stride[2]) * g.channels;
  const long blocks = blocks_of(g), tasks = chunk_count(job) * blocks;
  const long apart = job.half_bits ? scratch.panels[1] - scratch.panels[0] : 0;
  Extremes extremes(job.epilogue.count);
  DoubleExtremes double_extremes(job.epilogue.count);
  Chunk chunk{};
  Runs runs{};
  int tiles = 0;
  long laid = -1;
  for (long task = tasks * part / job.parts; task < tasks * (part + 1) / job.parts; ++task) {
    if (task / blocks != laid) {
      laid = task / blocks;
      chunk = chunk_at(job, laid);
      for (int pass = 0; pass < job.pass_count; ++pass)
        lay_panel(g, job.passes[pass].x, job.fill, chunk, scratch.panels[pass]);
      tiles = lay_tiles(g, chunk, apart, scratch.tiles);
      if (job.outlier_count) list_excesses(job, chunk, scratch.excesses_of, scratch.excesses);
      runs = lay_runs(g, PanelSize(g, chunk.rows, chunk.columns), job.chunk_pairs, scratch.offsets,
                      scratch.pairs);
    }
    const Block block(job, chunk, static_cast<int>(task % blocks));
    const int16_t* weights[most_passes];
    for (int pass = 0; pass < job.pass_count; ++pass)
      weights[pass] = job.passes[pass].weights + block.weights;
    if (job.half_bits) {
      convolve_halves(job, block, scratch, tiles, stride, runs, weights[0], double_extremes);
    } else if (job.chunk_pairs) {
      convolve_block<std::int64_t>(
          job, block, scratch, tiles, bounds,
          [&](const Tile& tile, std::int64_t* sums) {
            product64(job, scratch, tile, stride, runs, weights, sums);
          },
          [](long, int, std::int64_t*) {});
    } else {
      convolve_block<int32_t>(
          job, block, scratch, tiles, extremes,
          [&](const Tile& tile, int32_t* sums) {
            product_of<MOST_PIXELS>(tile.pixels)(scratch.panels[0], tile, stride, runs, weights[0],
                                                 job.start + block.start, sums);
          },
          [&](long pixel, int count, int32_t* sums) {
            if (job.outlier_count)
              add_excesses(scratch.excesses_of, scratch.excesses, weights[0], pixel, count, sums);
          });
    }
  }
  if (!tiles) return;
  if (job.half_bits)
    double_extremes.give(job.epilogue.count, bounds);
  else if (!job.chunk_pairs)
    extremes.give(job.epilogue.count, bounds);
}

}  // namespace smartvm::SMARTVM_ISA
