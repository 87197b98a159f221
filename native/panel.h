// A panel: the cells of a map that some windows read, channels innermost, with the padding in
// place.
#pragma once

#include "convolution.h"
#include "vectors.h"

namespace smartvm::SMARTVM_ISA {
namespace {

// Windows [row, row + rows) × [column, column + columns) of one depth of the out plane.
struct Chunk {
  int sample, group, depth, row, rows, column, columns;
};

// The sizes of a panel: (slices, rows, columns, channels).
struct PanelSize {
  int slices, rows, columns;

  PanelSize(const Geometry& g, int out_rows, int out_columns)
      : slices(g.kernel[0]),
        rows((out_rows - 1) * g.stride[1] + (g.kernel[1] - 1) * g.dilation[1] + 1),
        columns((out_columns - 1) * g.stride[2] + (g.kernel[2] - 1) * g.dilation[2] + 1) {}

  long items(const Geometry& g) const {
    return static_cast<long>(slices) * rows * columns * g.channels;
  }
};

// Cells of an axis of a panel that lie in the map: [first, end), the first at `source`.
struct Overlap {
  int first, end, source;

  Overlap(int start, int count, int step, int size) {
    first = start >= 0 ? 0 : (-start + step - 1) / step;
    end = start >= size ? 0 : (size - start + step - 1) / step;
    if (end > count) end = count;
    if (first > end) first = end;
    source = start + first * step;
  }
};

#if defined(SMARTVM_ISA_avx512) || defined(SMARTVM_ISA_avx2)
// 8 channels of 8 cells: (channels, `apart` items) to (cells, `channels` items).
inline void turn8(const int16_t* from, long apart, int16_t* to, long channels) {
  __m128i a[8], b[8];
  for (int i = 0; i < 8; ++i)
    a[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * apart));
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
    b[2 * i + 1] = _mm_unpackhi_epi16(a[i], a[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm_unpacklo_epi16(b[i], b[i + 4]);
    a[2 * i + 1] = _mm_unpackhi_epi16(b[i], b[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
    b[2 * i + 1] = _mm_unpackhi_epi16(a[i], a[i + 4]);
  }
  for (int i = 0; i < 8; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * channels), b[i]);
}
#else
inline void turn8(const int16_t* from, long apart, int16_t* to, long channels) {
  for (int cell = 0; cell < 8; ++cell)
    for (int channel = 0; channel < 8; ++channel)
      to[cell * channels + channel] = from[channel * apart + cell];
}
#endif

// `cells` cells, `step` apart, of `channels` channels, `apart` items apart, channels innermost.
inline void turn(const int16_t* from, long apart, int step, int channels, int cells, int16_t* to) {
  int channel = 0;
  if (step == 1 && cells >= 8) {
    for (; channel + 8 <= channels; channel += 8) {
      const int16_t* source = from + channel * apart;
      int cell = 0;
      for (; cell + 8 <= cells; cell += 8)
        turn8(source + cell, apart, to + static_cast<long>(cell) * channels + channel, channels);
      if (cell < cells)  // the last eight, some of them once more
        turn8(source + cells - 8, apart, to + static_cast<long>(cells - 8) * channels + channel,
              channels);
    }
  }
  for (; channel < channels; ++channel) {
    const int16_t* source = from + channel * apart;
    int16_t* target = to + channel;
    for (int cell = 0; cell < cells; ++cell)
      target[static_cast<long>(cell) * channels] = source[static_cast<long>(cell) * step];
  }
}

// Where a window that has its cell `tap` at a cell of the map lies in [first, first + count); -1
// if it does not.
inline int window_at(const Geometry& g, int axis, int cell, int tap, int first, int count) {
  const int stride = g.stride[axis] * g.step[axis];
  const int start = cell + g.before[axis] - tap * g.dilation[axis];
  if (start < 0 || start % stride) return -1;
  const int at = start / stride - first;
  return at >= 0 && at < count ? at : -1;
}

inline void fill_cells(int16_t* to, long count, int16_t value) {
  for (long i = 0; i < count; ++i) to[i] = value;
}

// Lay out the panel of a chunk.
inline void lay_panel(const Geometry& g, const int16_t* x, int16_t fill, const Chunk& chunk,
                      int16_t* panel) {
  const PanelSize size(g, chunk.rows, chunk.columns);
  const long plane = static_cast<long>(g.size[0]) * g.size[1] * g.size[2];
  const long cell = g.channels, row = size.columns * cell;
  const long first_channel =
      (static_cast<long>(chunk.sample) * g.groups + chunk.group) * g.channels;
  const int16_t* planes = x + first_channel * plane;
  const Overlap across(chunk.column * g.stride[2] * g.step[2] - g.before[2], size.columns,
                       g.step[2], g.size[2]);
  for (int slice = 0; slice < size.slices; ++slice) {
    const int z = (chunk.depth * g.stride[0] + slice * g.dilation[0]) * g.step[0] - g.before[0];
    const Overlap down(chunk.row * g.stride[1] * g.step[1] - g.before[1], size.rows, g.step[1],
                       g.size[1]);
    int16_t* to = panel + slice * size.rows * row;
    if (z < 0 || z >= g.size[0] || down.first == down.end || across.first == across.end) {
      fill_cells(to, size.rows * row, fill);
      continue;
    }
    fill_cells(to, down.first * row, fill);
    for (int r = down.first; r < down.end; ++r) {
      const long y = down.source + static_cast<long>(r - down.first) * g.step[1];
      const int16_t* from =
          planes + (z * static_cast<long>(g.size[1]) + y) * g.size[2] + across.source;
      fill_cells(to + r * row, across.first * cell, fill);
      turn(from, plane, g.step[2], g.channels, across.end - across.first,
           to + r * row + across.first * cell);
      fill_cells(to + r * row + across.end * cell, (size.columns - across.end) * cell, fill);
    }
    fill_cells(to + down.end * row, (size.rows - down.end) * row, fill);
  }
}

}  // namespace
}  // namespace smartvm::SMARTVM_ISA
