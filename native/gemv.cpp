#include "gemv.h"

#include <type_traits>

#include "doubles.h"
#include "vectors.h"

namespace smartvm::SMARTVM_ISA {

namespace {

constexpr int COLUMNS = 4;       // read side by side
constexpr int SUMS = 8 * LANES;  // that go through the epilogue together

inline int32_t total(Vector v) {
  int32_t lanes[LANES], sum = 0;
  store(lanes, v);
  for (int lane : lanes) sum += lane;
  return sum;
}

inline Vector pairs_at(const int16_t* from) { return load(from); }
inline Vector pairs_at(const int8_t* from) { return widen(from); }

// The sums of N columns, `inner` items apart, times one row.
template <int N, class Weight>
inline void sum_columns(const int16_t* x, const Weight* weights, long inner, int32_t* sums) {
  constexpr int ITEMS = 2 * LANES;
  Vector first[N], second[N];
  SMARTVM_UNROLL for (int c = 0; c < N; ++c)
    first[c] = second[c] = broadcast(0);
  long k = 0;
  for (; k + 2 * ITEMS <= inner; k += 2 * ITEMS) {
    const Vector a = load(x + k), b = load(x + k + ITEMS);
    SMARTVM_UNROLL for (int c = 0; c < N; ++c) {
      first[c] = dot(first[c], a, pairs_at(weights + c * inner + k));
      second[c] = dot(second[c], b, pairs_at(weights + c * inner + k + ITEMS));
    }
  }
  SMARTVM_UNROLL for (int c = 0; c < N; ++c)
    sums[c] = total(add(first[c], second[c]));
  for (int c = 0; c < N; ++c)
    for (long i = k; i < inner; ++i) sums[c] += x[i] * weights[c * inner + i];
}

// The same times the two halves of one row.
template <int N, class Weight>
inline void sum_halves(const int16_t* low, const int16_t* high, const Weight* weights, long inner,
                       int32_t* low_sums, int32_t* high_sums) {
  constexpr int ITEMS = 2 * LANES;
  Vector lows[N], highs[N];
  SMARTVM_UNROLL for (int c = 0; c < N; ++c)
    lows[c] = highs[c] = broadcast(0);
  long k = 0;
  for (; k + ITEMS <= inner; k += ITEMS) {
    const Vector a = load(low + k), b = load(high + k);
    SMARTVM_UNROLL for (int c = 0; c < N; ++c) {
      const Vector w = pairs_at(weights + c * inner + k);
      lows[c] = dot(lows[c], a, w);
      highs[c] = dot(highs[c], b, w);
    }
  }
  SMARTVM_UNROLL for (int c = 0; c < N; ++c) {
    low_sums[c] = total(lows[c]);
    high_sums[c] = total(highs[c]);
  }
  for (int c = 0; c < N; ++c)
    for (long i = k; i < inner; ++i) {
      low_sums[c] += low[i] * weights[c * inner + i];
      high_sums[c] += high[i] * weights[c * inner + i];
    }
}

// each(N, weights, sums) for `count` columns, COLUMNS or one at a time.
template <class Weight, class Each>
inline void by_columns(const MatrixVector& job, long column, int count, const Each& each) {
  const auto* weights = static_cast<const Weight*>(job.weights.data) + column * job.inner;
  int done = 0;
  for (; done + COLUMNS <= count; done += COLUMNS)
    each(std::integral_constant<int, COLUMNS>(), weights + done * job.inner, done);
  for (; done < count; ++done)
    each(std::integral_constant<int, 1>(), weights + done * job.inner, done);
}

template <class Weight>
inline void sum_row(const MatrixVector& job, long row, long column, int count, int32_t* sums) {
  const auto* x = static_cast<const int16_t*>(job.x.data) + row * job.inner;
  by_columns<Weight>(job, column, count, [&](auto n, const Weight* weights, int done) {
    sum_columns<n()>(x, weights, job.inner, sums + done);
  });
  if (job.start)
    for (int i = 0; i < count; ++i) sums[i] += job.start[column + i];
}

template <class Weight>
inline void sum_row(const MatrixVector& job, long row, long column, int count, double* sums) {
  int32_t low[SUMS], high[SUMS];
  const long at = row * job.inner;
  by_columns<Weight>(job, column, count, [&](auto n, const Weight* weights, int done) {
    sum_halves<n()>(job.halves[0] + at, job.halves[1] + at, weights, job.inner, low + done,
                    high + done);
  });
  const double scale = static_cast<double>(1 << job.half_bits);
  for (int i = 0; i < count; ++i) sums[i] = high[i] * scale + low[i];
}

template <class X, class Weight>
inline std::int64_t sum64(const X* x, const Weight* weights, long inner) {
  std::int64_t sum = 0;
  for (long k = 0; k < inner; ++k) sum += static_cast<std::int64_t>(x[k]) * weights[k];
  return sum;
}

template <class X>
inline std::int64_t sum64(const MatrixVector& job, long row, long column) {
  const auto* x = static_cast<const X*>(job.x.data) + row * job.inner;
  const long at = column * job.inner;
  if (job.weights.bytes == 2)
    return sum64(x, static_cast<const int16_t*>(job.weights.data) + at, job.inner);
  return sum64(x, static_cast<const int32_t*>(job.weights.data) + at, job.inner);
}

}  // namespace

void matrix_vector(const MatrixVector& job, int part, StageBounds& bounds) {
  const long first = job.columns * part / job.parts, end = job.columns * (part + 1) / job.parts;
  Extremes seen(job.epilogue.count);
  DoubleExtremes double_seen(job.epilogue.count);
  for (long column = first; column < end; column += SUMS) {
    const int count = static_cast<int>(end - column < SUMS ? end - column : SUMS);
    for (long row = 0; row < job.rows; ++row) {
      const long index = row * job.columns + column;
      if (job.wide) {
        std::int64_t sums[SUMS];
        for (int i = 0; i < count; ++i)
          sums[i] = job.x.bytes == 2   ? sum64<int16_t>(job, row, column + i)
                    : job.x.bytes == 4 ? sum64<int32_t>(job, row, column + i)
                                       : sum64<std::int64_t>(job, row, column + i);
        finish(job.epilogue, sums, column, index, count, bounds);
      } else if (job.half_bits) {
        double sums[SUMS];
        if (job.weights.bytes == 1)
          sum_row<int8_t>(job, row, column, count, sums);
        else
          sum_row<int16_t>(job, row, column, count, sums);
        finish(job.epilogue, sums, column, index, count, double_seen);
      } else {
        int32_t sums[SUMS];
        if (job.weights.bytes == 1)
          sum_row<int8_t>(job, row, column, count, sums);
        else
          sum_row<int16_t>(job, row, column, count, sums);
        for (int i = count; i % LANES; ++i) sums[i] = sums[count - 1];
        finish(job.epilogue, sums, column, index, count, seen);
      }
    }
  }
  if (job.wide || first == end) return;
  if (job.half_bits)
    double_seen.give(job.epilogue.count, bounds);
  else
    seen.give(job.epilogue.count, bounds);
}

void sum_weights(const int16_t* weights, long count, std::int64_t* sums) {
  constexpr long most = 1 << 15;  // that int32 sums hold
  std::int64_t squares = 0;
  sums[0] = sums[1] = 0;
  for (long done = 0; done < count; done += most) {
    const long end = done + most < count ? done + most : count;
    int32_t above = 0, all = 0;
    for (long i = done; i < end; ++i) {
      const int32_t w = weights[i];
      above += w > 0 ? w : 0;
      all += w;
      squares += static_cast<std::int64_t>(w * w);
    }
    sums[0] += above;
    sums[1] += all - above;
  }
  sums[2] = squares;
}

bool fit_bytes(const int16_t* weights, long count, int8_t* to) {
  int beyond = 0;
  for (long i = 0; i < count; ++i) {
    to[i] = static_cast<int8_t>(weights[i]);
    beyond |= to[i] ^ weights[i];
  }
  return beyond == 0;
}

}  // namespace smartvm::SMARTVM_ISA
