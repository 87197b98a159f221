// Convolution of one channel a group in doubles, of which the caller proves that they hold every sum:
// there are few products to a sum, so that wide operands cost little.
#include "convolution.h"
#include "doubles.h"

namespace smartvm::SMARTVM_ISA {

namespace {

constexpr int MOST_SUMS = 2048;  // of a piece of the out plane, but at least a row

inline int rows_at_once(const Geometry& g) {
  const int rows = MOST_SUMS / g.out[2];
  return rows < 1 ? 1 : rows < g.out[1] ? rows : g.out[1];
}

// Windows of an axis whose cell `tap` lies in the map: [first, end), that of the first at `source`.
struct Windows {
  int first, end, source;

  Windows(const Geometry& g, int axis, int tap, int begin, int count) {
    const int step = g.stride[axis] * g.step[axis];
    const int start = begin * step + tap * g.dilation[axis] - g.before[axis];
    first = start >= 0 ? 0 : (-start + step - 1) / step;
    end = start >= g.size[axis] ? 0 : (g.size[axis] - start + step - 1) / step;
    if (end > count) end = count;
    source = start + first * step;
  }
};

template <class Item>
inline void add_row(const Item* x, int step, double weight, int count, double* sums) {
  if (step == 1)
    for (int i = 0; i < count; ++i) sums[i] += weight * static_cast<double>(x[i]);
  else
    for (int i = 0; i < count; ++i)
      sums[i] += weight * static_cast<double>(x[static_cast<long>(i) * step]);
}

// The sums of `rows` rows of windows from `row` on.
template <class Item>
inline void sum_rows(const Geometry& g, const Item* x, const double* weights, int depth, int row,
                     int rows, double* sums) {
  for (long i = 0; i < static_cast<long>(rows) * g.out[2]; ++i) sums[i] = 0;
  const int down_step = g.stride[1] * g.step[1], step = g.stride[2] * g.step[2];
  for (int kz = 0; kz < g.kernel[0]; ++kz) {
    const Windows deep(g, 0, kz, depth, 1);
    for (int ky = 0; ky < g.kernel[1]; ++ky) {
      const Windows down(g, 1, ky, row, rows);
      for (int kx = 0; kx < g.kernel[2]; ++kx) {
        const Windows across(g, 2, kx, 0, g.out[2]);
        const double weight = *weights++;
        if (deep.first >= deep.end || across.first >= across.end) continue;
        for (int r = down.first; r < down.end; ++r) {
          const long y = down.source + static_cast<long>(r - down.first) * down_step;
          const long line = deep.source * static_cast<long>(g.size[1]) + y;
          add_row(x + line * g.size[2] + across.source, step, weight, across.end - across.first,
                  sums + static_cast<long>(r) * g.out[2] + across.first);
        }
      }
    }
  }
}

}  // namespace

long depthwise_doubles_scratch(const Convolution& job) {
  return 8 * (static_cast<long>(rows_at_once(job.shape)) * job.shape.out[2] + LANES);
}

void depthwise_doubles(const Convolution& job, int part, void* scratch, StageBounds& bounds) {
  const Geometry& g = job.shape;
  const long planes = static_cast<long>(g.batch) * g.groups, taps = window_taps(g);
  const long in_plane = static_cast<long>(g.size[0]) * g.size[1] * g.size[2];
  const long out_plane = static_cast<long>(g.out[0]) * g.out[1] * g.out[2];
  const int step = rows_at_once(g);
  double* sums = static_cast<double*>(scratch);
  DoubleExtremes seen(job.epilogue.count);
  const long first = planes * g.outs * part / job.parts;
  const long end = planes * g.outs * (part + 1) / job.parts;
  for (long number = first; number < end; ++number) {
    const long channel = number % (static_cast<long>(g.groups) * g.outs);
    const long source = number / g.outs * in_plane;
    const double* weights = job.doubles + channel * taps;
    for (int z = 0; z < g.out[0]; ++z)
      for (int y = 0; y < g.out[1]; y += step) {
        const int rows = g.out[1] - y < step ? g.out[1] - y : step;
        if (job.items.bytes == 2)
          sum_rows(g, static_cast<const int16_t*>(job.items.data) + source, weights, z, y, rows,
                   sums);
        else
          sum_rows(g, static_cast<const int32_t*>(job.items.data) + source, weights, z, y, rows,
                   sums);
        finish(job.epilogue, sums, channel,
               number * out_plane + (static_cast<long>(z) * g.out[1] + y) * g.out[2],
               rows * g.out[2], seen);
      }
  }
  if (first < end) seen.give(job.epilogue.count, bounds);
}

}  // namespace smartvm::SMARTVM_ISA
