#include "pooling.h"

#include <cstring>

#include "divider.h"
#include "forms.h"
#include "pooling_rows.h"

namespace smartvm::SMARTVM_ISA {
namespace {

constexpr std::int64_t widest_window = 64;  // columns of a window, and steps between windows, that
constexpr std::int64_t longest_stride = 4;  // are pooled together with their neighbours'
constexpr std::int64_t segment = 1024;      // columns that are pooled at a time

// Space for the columns of a segment, with the empty cells around them and whole lanes of windows.
constexpr std::int64_t space = segment + longest_stride * lanes + 3 * widest_window;

constexpr int row_batch = 4;

// One window of one output row. Its columns are combined piece by piece, or one by one where they
// are far apart.
template <class Kind, class T, class Sum>
Sum one_window(const Rows<Kind, T, Sum>& rows, const Window& window, std::int64_t step) {
  Sum columns[space], result = Kind::neutral;
  const std::int64_t piece = step > longest_stride ? 1 : segment / step * step;
  const std::int64_t extent = (window.cells - 1) * step + 1;
  for (std::int64_t start = 0; start < extent; start += greater(piece, step)) {
    const std::int64_t count = lesser(piece, extent - start);
    rows.combine(window.first + start, count, columns);
    for (std::int64_t i = 0; i < count; i += step) result = Kind::combine(result, columns[i]);
  }
  return result;
}

// One output row, window by window.
template <class Kind, class T, class Sum>
void pool_row(const Rows<Kind, T, Sum>& rows, const PoolAxis& axis, std::int64_t counted, T* out) {
  for (std::int64_t o = 0; o < axis.outs; ++o) {
    const Window& window = axis.windows[o];
    const Sum result = one_window(rows, window, axis.step);
    out[o] = static_cast<T>(Kind::result(result, counted * window.counted));
  }
}

// columns[i · stride]; where the stride is 2, as a half of a word, for loads without gaps are quicker.
template <std::int64_t stride, class Sum>
inline Sum column(const Sum* columns, std::int64_t i) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if constexpr (stride == 2 && sizeof(Sum) < 8) {
    typename Twice<Unsigned<Sum>>::type both;
    std::memcpy(&both, columns + i * stride, sizeof both);
    return static_cast<Sum>(both);
  }
#endif
  return columns[i * stride];
}

// results[i] = the combination of columns[i · stride + k · step], k < kernel.
template <class Kind, std::int64_t stride, class Sum>
void combine_columns(const Sum* columns, std::int64_t kernel, std::int64_t step, Sum* results,
                     std::int64_t count) {
  const Sum *second = columns + step, *third = second + step;
  if (kernel == 2) {
    by_lanes(count, [=](auto i) {
      results[i] = Kind::combine(column<stride>(columns, i), column<stride>(second, i));
    });
  } else if (kernel == 3) {
    by_lanes(count, [=](auto i) {
      results[i] =
          Kind::combine(Kind::combine(column<stride>(columns, i), column<stride>(second, i)),
                        column<stride>(third, i));
    });
  } else {
    by_lanes(count, [=](auto i) { results[i] = column<stride>(columns, i); });
    for (std::int64_t k = 1; k < kernel; ++k)
      by_lanes(count, [=](auto i) {
        results[i] = Kind::combine(results[i], column<stride>(columns + k * step, i));
      });
  }
}

// The windows of a row, as many at a time as have their columns in a segment, the empty cells of the
// padding among them.
template <class Kind, class T, class Sum>
class RowPool {
 public:
  explicit RowPool(const PoolAxis& axis) : axis_(axis) {
    // What whole lanes of windows may read beyond their columns is of no account, but there.
    const std::int64_t windows = whole_lanes(lesser(segment / axis.stride, axis.outs));
    const std::int64_t read = windows * axis.stride + widest_window + lanes;
    for (auto& columns : columns_)
      for (std::int64_t i = 0; i < lesser(read, space); ++i) columns[i] = Kind::neutral;
  }

  // `count` output rows, at most `row_batch`, of which `at(r)` gives the rows and counted[r] how many
  // cells a column counts; `end` is where the memory ends that may be written. Each step is done for
  // all rows before the next, so that no load waits for a store of another alignment.
  template <class At>
  void pool(int rows, At at, const std::int64_t* counted, T* out, T* end) {
    const std::int64_t most = segment / axis_.stride;
    for (std::int64_t o = 0; o < axis_.outs; o += most) {
      const std::int64_t count = lesser(most, axis_.outs - o), whole = whole_lanes(count);
      for (int r = 0; r < rows; ++r)
        fill(at(r), o * axis_.stride - axis_.before, count, columns_[r]);
      for (int r = 0; r < rows; ++r) combine_windows(columns_[r], results_[r], whole);
      for (int r = 0; r < rows; ++r) {
        T* to = out + r * axis_.outs + o;
        // What is written beyond a row is the start of the next, which is written next. (Quotients
        // of 64 bits are made one by one.)
        const bool spills = sizeof(Sum) < 8 && count == axis_.outs && end - to >= whole;
        kind_.results(results_[r], to, spills ? whole : count, counted[r] * axis_.kernel);
        if (Kind::neutral == 0) settle_borders(o, count, counted[r], results_[r], to);
      }
    }
  }

 private:
  // The columns from `start` on that `count` windows need; those out of the plane are neutral.
  void fill(const Rows<Kind, T, Sum>& rows, std::int64_t start, std::int64_t count, Sum* columns) {
    const std::int64_t extent = (axis_.kernel - 1) * axis_.step + 1;
    const std::int64_t needed = (count - 1) * axis_.stride + extent;
    const std::int64_t first = greater(start, axis_.low);
    const std::int64_t end = lesser(start + needed, axis_.high);
    for (std::int64_t i = 0; i < first - start; ++i) columns[i] = Kind::neutral;
    rows.combine(first, end - first, columns + (first - start));
    for (std::int64_t i = end - start; i < needed; ++i) columns[i] = Kind::neutral;
  }

  void combine_windows(const Sum* columns, Sum* results, std::int64_t count) {
    const std::int64_t kernel = axis_.kernel, step = axis_.step;
    if (axis_.stride == 1)
      combine_columns<Kind, 1>(columns, kernel, step, results, count);
    else if (axis_.stride == 2)
      combine_columns<Kind, 2>(columns, kernel, step, results, count);
    else if (axis_.stride == 3)
      combine_columns<Kind, 3>(columns, kernel, step, results, count);
    else
      combine_columns<Kind, 4>(columns, kernel, step, results, count);
  }

  // Averages of the windows that count fewer cells than the kernel has.
  void settle_borders(std::int64_t first, std::int64_t count, std::int64_t counted,
                      const Sum* results, T* out) {
    const auto settle = [&](std::int64_t o) {
      out[o - first] = static_cast<T>(
          Kind::result(results[o - first], counted * axis_.windows[o].counted));
    };
    for (std::int64_t o = first; o < lesser(axis_.inner, first + count); ++o) settle(o);
    for (std::int64_t o = greater(axis_.beyond, first); o < first + count; ++o) settle(o);
  }

  const PoolAxis& axis_;
  Kind kind_;
  Sum columns_[row_batch][space], results_[row_batch][segment + lanes];
};

// Planes that are one window each, without gaps.
template <class Kind, class T, class Sum>
Bounds pool_whole(const Pool& job, std::int64_t begin, std::int64_t end) {
  std::int64_t cells = 1, counted = 1;
  for (const PoolAxis& axis : job.axes) {
    cells *= axis.size;
    counted *= axis.windows[0].counted;
  }
  const T* x = static_cast<const T*>(job.x.data);
  T* out = static_cast<T*>(job.out);
  for (std::int64_t plane = begin; plane < end; ++plane) {
    const T* from = x + plane * cells;
    Sum result = from[0];
    for (std::int64_t i = 1; i < cells; ++i) result = Kind::combine(result, from[i]);
    out[plane] = static_cast<T>(Kind::result(result, counted));
  }
  return bounds_of(out + begin, end - begin);
}

bool are_near(const PoolAxis& axis) {
  return axis.stride <= longest_stride && axis.step <= widest_window &&
         axis.kernel <= widest_window && (axis.kernel - 1) * axis.step < widest_window;
}

template <class Kind, class T, class Sum>
Bounds pool_planes(const Pool& job, std::int64_t begin, std::int64_t end) {
  const PoolAxis &depth = job.axes[0], &height = job.axes[1], &width = job.axes[2];
  const std::int64_t plane_outs = depth.outs * height.outs * width.outs;
  const T* x = static_cast<const T*>(job.x.data);
  T* out = static_cast<T*>(job.out) + begin * plane_outs;
  T* const out_end = out + (end - begin) * plane_outs;
  const bool together = are_near(width);
  RowPool<Kind, T, Sum> row_pool(width);
  Trail<T> trail(out);
  for (std::int64_t plane = begin; plane < end; ++plane) {
    const T* cells = x + plane * depth.size * height.size * width.size;
    for (std::int64_t d = 0; d < depth.outs; ++d) {
      for (std::int64_t h = 0; h < height.outs; h += row_batch) {
        const int count = static_cast<int>(lesser<std::int64_t>(row_batch, height.outs - h));
        const auto at = [&](int r) {
          return Rows<Kind, T, Sum>(cells, job, depth.windows[d], height.windows[h + r]);
        };
        std::int64_t counted[row_batch];
        for (int r = 0; r < count; ++r)
          counted[r] = depth.windows[d].counted * height.windows[h + r].counted;
        if (together)
          row_pool.pool(count, at, counted, out, out_end);
        else
          for (int r = 0; r < count; ++r)
            pool_row(at(r), width, counted[r], out + r * width.outs);
        trail.reach(out += count * width.outs);
      }
    }
  }
  return trail.finish(out);
}

bool is_whole(const Pool& job) {
  for (const PoolAxis& axis : job.axes)
    if (axis.outs != 1 || axis.windows[0].cells != axis.size || (axis.size > 1 && axis.step != 1))
      return false;
  return true;
}

template <class Kind, class T, class Sum>
Bounds pool_any(const Pool& job, std::int64_t begin, std::int64_t end) {
  return is_whole(job) ? pool_whole<Kind, T, Sum>(job, begin, end)
                       : pool_planes<Kind, T, Sum>(job, begin, end);
}

}  // namespace

Bounds pool(const Pool& job, std::int64_t begin, std::int64_t end) {
  Bounds bounds;
  with_form(job.x.bytes, [&](auto form) {
    using T = decltype(form);
    if (!job.average) {
      bounds = pool_any<Greatest<T>, T, T>(job, begin, end);
      return;
    }
    if constexpr (sizeof(T) < 8) {
      if (job.sum_bytes == 4) {
        bounds = pool_any<Average<std::int32_t>, T, std::int32_t>(job, begin, end);
        return;
      }
    }
    bounds = pool_any<Average<std::int64_t>, T, std::int64_t>(job, begin, end);
  });
  return bounds;
}

}  // namespace smartvm::SMARTVM_ISA
