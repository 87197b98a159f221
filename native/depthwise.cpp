// Convolution of one channel a group: lanes are neighbouring pixels, taps are taken two at a time.
#include "convolution.h"
#include "epilogue.h"
#include "panel.h"

namespace smartvm::SMARTVM_ISA {

namespace {

constexpr int STEP = 4 * LANES;  // pixels that are summed at a time
constexpr int MOST_SUMS = 2048;  // of a piece of the out plane, but at least a row

// A plane with its padding, taken apart by the cells' places between strides: cells of one tap of
// neighbouring windows lie side by side, and so do rows of windows, but for a few cells between
// them.
struct Phases {
  int cells[3];  // of each axis, of a phase
  long phase;    // items of a phase
  long items;

  explicit Phases(const Geometry& g) {
    phase = 1;
    items = 1;
    for (int axis = 0; axis < 3; ++axis) {
      const int extent =
          (g.out[axis] - 1) * g.stride[axis] + (g.kernel[axis] - 1) * g.dilation[axis] + 1;
      cells[axis] = (extent + g.stride[axis] - 1) / g.stride[axis];
      phase *= cells[axis];
      items *= g.stride[axis];
    }
    items *= phase;
  }

  // Where a cell of the padded plane is.
  long at(const Geometry& g, int z, int y, int x) const {
    const long which =
        (static_cast<long>(z % g.stride[0]) * g.stride[1] + y % g.stride[1]) * g.stride[2] +
        x % g.stride[2];
    const long z0 = z / g.stride[0], y0 = y / g.stride[1], x0 = x / g.stride[2];
    return which * phase + (z0 * cells[1] + y0) * cells[2] + x0;
  }
};

// Rows of the out plane that are summed at a time.
inline int rows_at_once(const Geometry& g, const Phases& phases) {
  const int rows = MOST_SUMS / phases.cells[2];
  return rows < 1 ? 1 : rows < g.out[1] ? rows : g.out[1];
}

struct Memory {
  long* offsets;  // of each tap, one more if they are odd in number
  int16_t* plane;
  int32_t* sums;
  long bytes;

  Memory(const Geometry& g, void* memory) : bytes(0) {
    char* base = static_cast<char*>(memory);
    const auto take = [&](long size) {
      char* piece = base + bytes;
      bytes += (size + 63) / 64 * 64;
      return piece;
    };
    const Phases phases(g);
    offsets = reinterpret_cast<long*>(take((window_taps(g) + 1) * static_cast<long>(sizeof(long))));
    // Whole vectors are read and written, beyond the last window.
    plane = reinterpret_cast<int16_t*>(take(2 * (phases.items + STEP)));
    sums = reinterpret_cast<int32_t*>(
        take(4 * (static_cast<long>(rows_at_once(g, phases)) * phases.cells[2] + STEP)));
  }
};

// Every `step`th of some items, at least one.
inline void take_every(int step, const int16_t* from, int count, int16_t* to) {
  if (step == 1) {
    std::memcpy(to, from, 2 * static_cast<size_t>(count));
  } else if (step == 2) {
    int i = 0;
    for (; i + LANES < count; i += LANES) narrow(to + i, even(load(from + 2 * i)));
#if defined(SMARTVM_ISA_avx512)
    const int rest = count - i;  // at most a vector; the last item's neighbour may not be there
    const Vector pairs =
        _mm512_maskz_loadu_epi16((__mmask32(1) << (2 * rest - 1)) - 1, from + 2 * i);
    _mm512_mask_cvtepi32_storeu_epi16(to + i, static_cast<__mmask16>((1u << rest) - 1), pairs);
#else
    for (; i < count; ++i) to[i] = from[2 * i];
#endif
  } else {
    for (int i = 0; i < count; ++i) to[i] = from[static_cast<long>(i) * step];
  }
}

// A row of the map to the phases of a row of the plane.
inline void lay_row(const Geometry& g, const Phases& phases, const int16_t* from,
                    const Overlap& across, int step, int16_t* to) {
  if (g.stride[2] == 1) return take_every(step, from, across.end - across.first, to + across.first);
  for (int cell = across.first; cell < across.end && cell < across.first + g.stride[2]; ++cell) {
    const int count = (across.end - cell + g.stride[2] - 1) / g.stride[2];
    take_every(step, from, count, to + cell % g.stride[2] * phases.phase + cell / g.stride[2]);
    from += g.step[2];
  }
}

inline void lay_plane(const Convolution& job, const Phases& phases, const int16_t* x,
                      int16_t* plane) {
  const Geometry& g = job.shape;
  fill_cells(plane, phases.items, job.fill);
  int extent[3];
  for (int axis = 0; axis < 3; ++axis) extent[axis] = phases.cells[axis] * g.stride[axis];
  const Overlap deep(-g.before[0], extent[0], g.step[0], g.size[0]);
  const Overlap down(-g.before[1], extent[1], g.step[1], g.size[1]);
  const Overlap across(-g.before[2], extent[2], g.step[2], g.size[2]);
  const int step = g.step[2] * g.stride[2];
  for (int z = deep.first; z < deep.end; ++z) {
    const long depth = deep.source + static_cast<long>(z - deep.first) * g.step[0];
    const int16_t* from = x + (depth * g.size[1] + down.source) * g.size[2] + across.source;
    for (int first = 0; first < g.stride[1] && down.first + first < down.end; ++first) {
      int16_t* to = plane + phases.at(g, z, down.first + first, 0);
      const int16_t* row = from + static_cast<long>(first) * g.step[1] * g.size[2];
      const int16_t* end = from + static_cast<long>(down.end - down.first) * g.step[1] * g.size[2];
      for (; row < end; row += static_cast<long>(g.step[1]) * g.stride[1] * g.size[2]) {
        lay_row(g, phases, row, across, step, to);
        to += phases.cells[2];
      }
    }
  }
}

// The sums of `count` positions, or some more, of a plane.
inline void sum_taps(const int16_t* plane, const long* offsets, long pairs, const int16_t* weights,
                     int32_t start, long count, int32_t* sums) {
  for (long at = 0; at < count; at += STEP) {
    Vector s0 = broadcast(start), s1 = s0, s2 = s0, s3 = s0;
    for (long pair = 0; pair < pairs; ++pair) {
      const int16_t* a = plane + at + offsets[2 * pair];
      const int16_t* b = plane + at + offsets[2 * pair + 1];
      const Vector w = broadcast_pair(weights + 2 * pair);
      Vector x0, x1, x2, x3;
      pair_up(load(a), load(b), x0, x1);
      pair_up(load(a + 2 * LANES), load(b + 2 * LANES), x2, x3);
      s0 = dot(s0, x0, w);
      s1 = dot(s1, x1, w);
      s2 = dot(s2, x2, w);
      s3 = dot(s3, x3, w);
    }
    store_pairs(sums + at, s0, s1);
    store_pairs(sums + at + 2 * LANES, s2, s3);
  }
}

// Move rows of `count` sums, `width` apart, together. Eight at a time where that overwrites nothing
// that has not been moved yet: it reaches no further than the next row, from the second row on.
inline void close_gaps(int32_t* sums, int rows, long width, long count) {
  const long gap = width - count;
  if (gap == 0) return;
  const bool by_eight = (count + 7) / 8 * 8 - width <= gap;
  for (int row = 1; row < rows; ++row) {
    int32_t* to = sums + row * count;
    const int32_t* from = sums + row * width;
    if (!by_eight) {
      std::memmove(to, from, 4 * static_cast<size_t>(count));
      continue;
    }
    for (long i = 0; i < count; i += 8) {
      int32_t moved[8];
      std::memcpy(moved, from + i, sizeof moved);
      std::memcpy(to + i, moved, sizeof moved);
    }
  }
}

// Add what the outliers of a plane are short of to the sums of `rows` rows from `row` on.
inline void add_excesses(const Convolution& job, const Phases& phases, const int16_t* weights,
                         long plane_start, int depth, int row, int rows, int32_t* sums) {
  const Geometry& g = job.shape;
  const long plane = static_cast<long>(g.size[0]) * g.size[1] * g.size[2];
  for (const Outlier* o = job.outliers; o < job.outliers + job.outlier_count; ++o) {
    const long cell = o->index - plane_start;
    if (cell < 0 || cell >= plane) continue;
    const int x = static_cast<int>(cell % g.size[2]),
              y = static_cast<int>(cell / g.size[2] % g.size[1]);
    const int z = static_cast<int>(cell / g.size[2] / g.size[1]);
    long tap = 0;
    for (int kz = 0; kz < g.kernel[0]; ++kz)
      for (int ky = 0; ky < g.kernel[1]; ++ky)
        for (int kx = 0; kx < g.kernel[2]; ++kx, ++tap) {
          if (window_at(g, 0, z, kz, depth, 1) < 0) continue;
          const int r = window_at(g, 1, y, ky, row, rows);
          const int c = window_at(g, 2, x, kx, 0, g.out[2]);
          if (r >= 0 && c >= 0)
            sums[static_cast<long>(r) * phases.cells[2] + c] += o->excess * weights[tap];
        }
  }
}

}  // namespace

long depthwise_scratch(const Convolution& job) { return Memory(job.shape, nullptr).bytes; }

void depthwise(const Convolution& job, int part, void* scratch, StageBounds& bounds) {
  const Geometry& g = job.shape;
  const Phases phases(g);
  const Memory memory(g, scratch);
  const long taps = window_taps(g), pairs = (taps + 1) / 2;
  long tap = 0;
  for (int z = 0; z < g.kernel[0]; ++z)
    for (int y = 0; y < g.kernel[1]; ++y)
      for (int x = 0; x < g.kernel[2]; ++x)
        memory.offsets[tap++] =
            phases.at(g, z * g.dilation[0], y * g.dilation[1], x * g.dilation[2]);
  memory.offsets[tap] = 0;
  std::memset(memory.plane + phases.items, 0, 2 * STEP);
  const long planes = static_cast<long>(g.batch) * g.groups;
  const long in_plane = static_cast<long>(g.size[0]) * g.size[1] * g.size[2];
  const long out_plane = static_cast<long>(g.out[0]) * g.out[1] * g.out[2];
  const int step = rows_at_once(g, phases);
  Extremes seen(job.epilogue.count);
  const long first = planes * part / job.parts, end = planes * (part + 1) / job.parts;
  for (long number = first; number < end; ++number) {
    lay_plane(job, phases, job.passes[0].x + number * in_plane, memory.plane);
    for (int out = 0; out < g.outs; ++out) {
      const long channel = number % g.groups * g.outs + out;
      const int16_t* weights = job.passes[0].weights + channel * pairs * 2;
      const long index = (number / g.groups * g.groups * g.outs + channel) * out_plane;
      for (int z = 0; z < g.out[0]; ++z)
        for (int y = 0; y < g.out[1]; y += step) {
          const int rows = g.out[1] - y < step ? g.out[1] - y : step;
          const long width = phases.cells[2], count = (rows - 1) * width + g.out[2];
          sum_taps(memory.plane + (static_cast<long>(z) * phases.cells[1] + y) * width,
                   memory.offsets, pairs, weights, job.start[channel], count, memory.sums);
          if (job.outlier_count)
            add_excesses(job, phases, weights, number * in_plane, z, y, rows, memory.sums);
          close_gaps(memory.sums, rows, width, g.out[2]);
          const long cells = static_cast<long>(rows) * g.out[2];
          for (long i = cells; i % LANES; ++i) memory.sums[i] = memory.sums[cells - 1];
          finish(job.epilogue, memory.sums, channel,
                 index + (static_cast<long>(z) * g.out[1] + y) * g.out[2], static_cast<int>(cells),
                 seen);
        }
    }
  }
  if (first < end) seen.give(job.epilogue.count, bounds);
}

}  // namespace smartvm::SMARTVM_ISA
