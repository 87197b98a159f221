#include "convolution.h"

#include "excess.h"
#include "panel.h"
#include "segment.h"

namespace smartvm::SMARTVM_ISA {

namespace {

inline long rounded(long bytes) { return (bytes + 63) / 64 * 64; }

inline int blocks_of(const Geometry& g) { return (g.outs + BLOCK - 1) / BLOCK; }

inline int chunks_of(int length, int most) { return (length + most - 1) / most; }

// The chunks of a job in order: samples, groups, depths, rows, columns.
inline long chunk_count(const Convolution& job) {
  const Geometry& g = job.shape;
  return static_cast<long>(g.batch) * g.groups * g.out[0] * chunks_of(g.out[1], job.rows) *
         chunks_of(g.out[2], job.columns);
}

inline Chunk chunk_at(const Convolution& job, long number) {
  const Geometry& g = job.shape;
  const auto next = [&](int count) {
    const int index = static_cast<int>(number % count);
    number /= count;
    return index;
  };
  // Chunks of even size, not full ones and a rest.
  const int across = chunks_of(g.out[2], job.columns), down = chunks_of(g.out[1], job.rows);
  const auto cut = [](long length, int index, int count) {
    return static_cast<int>(length * index / count);
  };
  Chunk chunk;
  int index = next(across);
  chunk.column = cut(g.out[2], index, across);
  chunk.columns = cut(g.out[2], index + 1, across) - chunk.column;
  index = next(down);
  chunk.row = cut(g.out[1], index, down);
  chunk.rows = cut(g.out[1], index + 1, down) - chunk.row;
  chunk.depth = next(g.out[0]);
  chunk.group = next(g.groups);
  chunk.sample = next(g.batch);
  return chunk;
}

inline long most_runs(const Convolution& job) {
  const Geometry& g = job.shape;
  const long runs = static_cast<long>(g.kernel[0]) * g.kernel[1] * (g.joined ? 1 : g.kernel[2]);
  return job.chunk_pairs ? runs + window_pairs(g) / job.chunk_pairs + 1 : runs;
}

// A part's scratch, from one piece of memory.
struct Scratch {
  long* excesses_of;  // by pixel of a chunk: the first, or -1
  Excess* excesses;
  long* offsets;
  int* pairs;
  Tile* tiles;
  int16_t* panels[most_passes];
  long bytes;

  Scratch(const Convolution& job, void* memory) : bytes(0) {
    char* base = static_cast<char*>(memory);
    const auto take = [&](long size) {
      char* piece = base + bytes;
      bytes += rounded(size);
      return piece;
    };
    const PanelSize panel(job.shape, job.rows, job.columns);
    const long runs = most_runs(job);
    offsets = reinterpret_cast<long*>(take(runs * static_cast<long>(sizeof(long))));
    pairs = reinterpret_cast<int*>(take(runs * static_cast<long>(sizeof(int))));
    tiles =
        reinterpret_cast<Tile*>(take(static_cast<long>(job.rows) * (job.columns / MOST_PIXELS + 1) *
                                     static_cast<long>(sizeof(Tile))));
    excesses_of = nullptr;
    excesses = nullptr;
    if (job.outlier_count) {
      const int* kernel = job.shape.kernel;
      const long window = static_cast<long>(kernel[0]) * kernel[1] * kernel[2];
      excesses_of = reinterpret_cast<long*>(
          take(static_cast<long>(job.rows) * job.columns * static_cast<long>(sizeof(long))));
      excesses = reinterpret_cast<Excess*>(
          take(job.outlier_count * window * static_cast<long>(sizeof(Excess))));
    }
    // One item more, for windows of an odd number of items.
    for (int pass = 0; pass < job.pass_count; ++pass)
      panels[pass] = reinterpret_cast<int16_t*>(take(2 * (panel.items(job.shape) + 1)));
  }
};

// Cut the pixels of a chunk into tiles, in order.
inline int lay_tiles(const Geometry& g, const Chunk& chunk, Tile* tiles) {
  const long across = static_cast<long>(g.stride[2]) * g.channels;
  const long down =
      static_cast<long>(g.stride[1]) * PanelSize(g, chunk.rows, chunk.columns).columns * g.channels;
  int count = 0, row = 0;
  if (chunk.columns <= HALF)
    for (; row + 2 <= chunk.rows; row += 2)
      tiles[count++] = {row * down, (row + 1) * down, 2 * chunk.columns};
  const int pieces = chunks_of(chunk.columns, MOST_PIXELS);
  for (; row < chunk.rows; ++row)
    for (int piece = 0; piece < pieces; ++piece) {
      const int first = static_cast<int>(static_cast<long>(chunk.columns) * piece / pieces);
      const int end = static_cast<int>(static_cast<long>(chunk.columns) * (piece + 1) / pieces);
      const long from = row * down + first * across;
      tiles[count++] = {from, from + (end - first + 1) / 2 * across, end - first};
    }
  return count;
}

// The runs of a window in a panel; with `most` pairs, longer ones are cut.
inline Runs lay_runs(const Geometry& g, const PanelSize& panel, int most, long* offsets,
                     int* pairs) {
  const long cell = g.channels, row = panel.columns * cell, slice = panel.rows * row;
  const int taps = g.joined ? 1 : g.kernel[2];
  const int length = (g.channels * (g.joined ? g.kernel[2] : 1) + 1) / 2;
  int count = 0;
  for (int z = 0; z < g.kernel[0]; ++z)
    for (int y = 0; y < g.kernel[1]; ++y)
      for (int tap = 0; tap < taps; ++tap)
        for (int done = 0, n; done < length; done += n) {
          n = most && length - done > most ? most : length - done;
          offsets[count] =
              z * slice + y * g.dilation[1] * row + tap * g.dilation[2] * cell + 2 * done;
          pairs[count++] = n;
        }
  return {offsets, pairs, count};
}

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

// The place of a block's channels in the result, and of its weights.
struct Block {
  int channels;         // that it has
  long channel;         // the first, of all groups
  long index;           // where the chunk's first pixel of that channel goes
  long start, weights;  // in `Convolution::start` and in packed weights

  Block(const Convolution& job, const Chunk& chunk, int number) {
    const Geometry& g = job.shape;
    const long plane = static_cast<long>(g.out[0]) * g.out[1] * g.out[2];
    const long block = static_cast<long>(chunk.group) * blocks_of(g) + number;
    channels = g.outs - number * BLOCK < BLOCK ? g.outs - number * BLOCK : BLOCK;
    channel = static_cast<long>(chunk.group) * g.outs + number * BLOCK;
    const long row = static_cast<long>(chunk.depth) * g.out[1] + chunk.row;
    index = (static_cast<long>(chunk.sample) * g.groups * g.outs + channel) * plane +
            row * g.out[2] + chunk.column;
    start = block * BLOCK;
    weights = block * window_pairs(g) * 2 * BLOCK;
  }
};

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
  Extremes extremes(job.epilogue.count);
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
      tiles = lay_tiles(g, chunk, scratch.tiles);
      if (job.outlier_count) list_excesses(job, chunk, scratch.excesses_of, scratch.excesses);
      runs = lay_runs(g, PanelSize(g, chunk.rows, chunk.columns), job.chunk_pairs, scratch.offsets,
                      scratch.pairs);
    }
    const Block block(job, chunk, static_cast<int>(task % blocks));
    const int16_t* weights[most_passes];
    for (int pass = 0; pass < job.pass_count; ++pass)
      weights[pass] = job.passes[pass].weights + block.weights;
    if (job.chunk_pairs) {
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
  if (!job.chunk_pairs && tiles) extremes.give(job.epilogue.count, bounds);
}

}  // namespace smartvm::SMARTVM_ISA
