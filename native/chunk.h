// A chunk of the out plane: how a job is cut into them, its scratch, its tiles and its blocks.
#pragma once

#include "excess.h"
#include "gemm.h"
#include "panel.h"

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

// Pixels of a tile: each takes two sums where the map is in two halves.
inline int most_pixels(const Convolution& job) { return job.half_bits ? HALF : MOST_PIXELS; }

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
        reinterpret_cast<Tile*>(take(static_cast<long>(job.rows) * (job.columns / most_pixels(job) + 1) *
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

// Cut the pixels of a chunk into tiles, in order. The second run of a tile is its second half of
// pixels, the next row or, `apart` items behind, the other half of the map.
inline int lay_tiles(const Geometry& g, const Chunk& chunk, long apart, Tile* tiles) {
  const long across = static_cast<long>(g.stride[2]) * g.channels;
  const long down =
      static_cast<long>(g.stride[1]) * PanelSize(g, chunk.rows, chunk.columns).columns * g.channels;
  int count = 0, row = 0;
  if (!apart && chunk.columns <= HALF)
    for (; row + 2 <= chunk.rows; row += 2)
      tiles[count++] = {row * down, (row + 1) * down, 2 * chunk.columns};
  const int pieces = chunks_of(chunk.columns, apart ? HALF : MOST_PIXELS);
  for (; row < chunk.rows; ++row)
    for (int piece = 0; piece < pieces; ++piece) {
      const int first = static_cast<int>(static_cast<long>(chunk.columns) * piece / pieces);
      const int end = static_cast<int>(static_cast<long>(chunk.columns) * (piece + 1) / pieces);
      const long from = row * down + first * across;
      if (apart)
        tiles[count++] = {from, from + apart, 2 * (end - first)};
      else
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

}  // namespace
}  // namespace smartvm::SMARTVM_ISA
