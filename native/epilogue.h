// What happens to sums while they are in the cache: the elementwise kernels that follow a product,
// the exact bounds of each stage, and the way into the result.
//
// A run of sums is `count` neighbours in the result: pixels of one channel, or (by_lane) columns of
// one row of a matrix. Its buffer is filled up with copies of the last one to whole vectors, so
// that bounds may be taken over all lanes.
#pragma once

#include "items.h"
#include "vectors.h"

namespace smartvm {

struct Stage {
  enum Kind { add_channel, add_map, multiply, divide, relu } kind;
  Items items;          // addends: one a channel, or one an item of the result
  std::int64_t number;  // factor, divisor or cap (0: none)
  bool nearest;         // the division's rounding, ties to even
  int shift;            // where the divisor is 2^shift, shift > 0; else 0
  double reciprocal;    // 1 / divisor
};

constexpr int most_stages = 8;

struct Epilogue {
  Stage stages[most_stages];
  int count;
  void* out;
  int out_bytes;
  bool by_lane;
};

// Bounds of the sums, then of what each stage makes of them.
struct StageBounds {
  Bounds of[most_stages + 1];

  void include(const StageBounds& other) {
    for (int i = 0; i <= most_stages; ++i) of[i].include(other.of[i]);
  }
};

namespace SMARTVM_ISA {
namespace {

constexpr int WIDTH = LANES == 16 ? 8 : 4;  // vectors that go through the stages together, at most

// Least and greatest so far, lane by lane.
struct Extremes {
  Vector low[most_stages + 1], high[most_stages + 1];

  explicit Extremes(int stages) {
    for (int i = 0; i <= stages; ++i) low[i] = broadcast(INT32_MAX), high[i] = broadcast(INT32_MIN);
  }

  template <int N>
  SMARTVM_INLINE void see(int stage, const Vector (&v)[N]) {
    Vector a = v[0], b = v[0];
    SMARTVM_UNROLL for (int i = 1; i < N; ++i)
      a = least(a, v[i]), b = greatest(b, v[i]);
    low[stage] = least(low[stage], a);
    high[stage] = greatest(high[stage], b);
  }

  void give(int stages, StageBounds& bounds) const {
    for (int stage = 0; stage <= stages; ++stage) {
      int32_t lows[LANES], highs[LANES];
      store(lows, low[stage]);
      store(highs, high[stage]);
      for (int i = 0; i < LANES; ++i) bounds.of[stage].include({lows[i], highs[i]});
    }
  }
};

inline std::int64_t item(const Items& items, long index) {
  if (items.bytes == 2) return static_cast<const int16_t*>(items.data)[index];
  if (items.bytes == 4) return static_cast<const int32_t*>(items.data)[index];
  return static_cast<const std::int64_t*>(items.data)[index];
}

// N vectors of int16 or int32 items from `index`, of which there are `count`, at least one.
template <int N>
SMARTVM_INLINE void read(const Items& items, long index, int count, Vector (&to)[N]) {
  if (count == N * LANES && items.bytes == 2) {
    const auto* from = static_cast<const int16_t*>(items.data) + index;
    SMARTVM_UNROLL for (int i = 0; i < N; ++i)
      to[i] = widen(from + i * LANES);
  } else if (count == N * LANES && items.bytes == 4) {
    const auto* from = static_cast<const int32_t*>(items.data) + index;
    SMARTVM_UNROLL for (int i = 0; i < N; ++i)
      to[i] = load(from + i * LANES);
  } else {
    int32_t filled[N * LANES];
    for (int i = 0; i < N * LANES; ++i)
      filled[i] = static_cast<int32_t>(item(items, index + (i < count ? i : count - 1)));
    SMARTVM_UNROLL for (int i = 0; i < N; ++i)
      to[i] = load(filled + i * LANES);
  }
}

template <int N>
SMARTVM_INLINE void write(void* out, int bytes, long index, int count, const Vector (&v)[N]) {
  if (bytes == 2) {
    auto* to = static_cast<int16_t*>(out) + index;
    if (count == N * LANES) {
      SMARTVM_UNROLL for (int i = 0; i < N; ++i)
        narrow(to + i * LANES, v[i]);
    } else {
      int16_t all[N * LANES];
      SMARTVM_UNROLL for (int i = 0; i < N; ++i)
        narrow(all + i * LANES, v[i]);
      std::memcpy(to, all, 2 * static_cast<size_t>(count));
    }
  } else {
    int32_t all[N * LANES];
    SMARTVM_UNROLL for (int i = 0; i < N; ++i)
      store(all + i * LANES, v[i]);
    if (bytes == 4) {
      std::memcpy(static_cast<int32_t*>(out) + index, all, 4 * static_cast<size_t>(count));
    } else {
      auto* to = static_cast<std::int64_t*>(out) + index;
      for (int i = 0; i < count; ++i) to[i] = all[i];
    }
  }
}

// v / 2^shift: to the nearest, ties to even, or towards zero. No step leaves int32 but for sums
// that are within 2^shift of its end, whose wrapped bits the arithmetic shift would misread: the
// caller takes the division by a product there (see `Stage::shift`).
template <int N>
SMARTVM_INLINE void shift_down(Vector (&v)[N], int shift, bool nearest) {
  const Vector most = broadcast((1 << (nearest ? shift - 1 : shift)) - 1);
  SMARTVM_UNROLL for (int i = 0; i < N; ++i) {
    const Vector carry = nearest ? both(shift_right(v[i], shift), broadcast(1)) : broadcast(0);
    const Vector bias = nearest ? add(most, carry) : both(shift_right(v[i], 31), most);
    v[i] = shift_right(add(v[i], bias), shift);
  }
}

template <int N>
SMARTVM_INLINE void apply(const Stage& stage, bool by_lane, long channel, long index, int count,
                          Vector (&v)[N]) {
  switch (stage.kind) {
    case Stage::add_channel:
      if (!by_lane) {
        const Vector term = broadcast(static_cast<int32_t>(item(stage.items, channel)));
        SMARTVM_UNROLL for (int i = 0; i < N; ++i)
          v[i] = add(v[i], term);
        break;
      }
      index = channel;
      [[fallthrough]];
    case Stage::add_map: {
      Vector terms[N];
      read(stage.items, index, count, terms);
      SMARTVM_UNROLL for (int i = 0; i < N; ++i)
        v[i] = add(v[i], terms[i]);
      break;
    }
    case Stage::multiply:
      SMARTVM_UNROLL for (int i = 0; i < N; ++i) v[i] =
          multiply(v[i], broadcast(static_cast<int32_t>(stage.number)));
      break;
    case Stage::divide:
      if (stage.shift) {
        shift_down(v, stage.shift, stage.nearest);
      } else {
        const auto divisor = static_cast<double>(stage.number);
        SMARTVM_UNROLL for (int i = 0; i < N; ++i)
          v[i] = divide(v[i], divisor, stage.reciprocal, stage.nearest);
      }
      break;
    case Stage::relu:
      SMARTVM_UNROLL for (int i = 0; i < N; ++i) v[i] = greatest(v[i], broadcast(0));
      if (stage.number) SMARTVM_UNROLL
        for (int i = 0; i < N; ++i)
          v[i] = least(v[i], broadcast(static_cast<int32_t>(stage.number)));
  }
}

// Whether a stage's bounds follow from those of the stage before: it keeps the order of items.
inline bool keeps_order(const Stage& stage) {
  return stage.kind == Stage::divide || stage.kind == Stage::relu;
}

template <int N>
inline void finish_vectors(const Epilogue& e, const int32_t* sums, long channel, long index,
                           int count, Extremes& seen) {
  Vector v[N];
  SMARTVM_UNROLL for (int i = 0; i < N; ++i)
    v[i] = load(sums + i * LANES);
  seen.see(0, v);
  for (int s = 0; s < e.count; ++s) {
    apply(e.stages[s], e.by_lane, channel, index, count, v);
    if (!keeps_order(e.stages[s])) seen.see(s + 1, v);
  }
  write(e.out, e.out_bytes, index, count, v);
}

// The sums from `done` on, N vectors at a time, then half as many.
template <int N>
inline void finish_from(const Epilogue& e, const int32_t* sums, long channel, long index, int count,
                        int done, Extremes& seen) {
  constexpr int most = N * LANES;
  for (; N == 1 ? done < count : done + most <= count; done += most) {
    const int rest = count - done < most ? count - done : most;
    const long at = e.by_lane ? channel + done : channel;
    finish_vectors<N>(e, sums + done, at, index + done, rest, seen);
  }
  if constexpr (N > 1) finish_from<N / 2>(e, sums, channel, index, count, done, seen);
}

// A run of int32 sums, none of whose stages leaves int32; `index` is where it goes in the result.
inline void finish(const Epilogue& e, const int32_t* sums, long channel, long index, int count,
                   Extremes& seen) {
  finish_from<WIDTH>(e, sums, channel, index, count, 0, seen);
}

inline std::int64_t divided(std::int64_t v, std::int64_t divisor, bool nearest) {
  const std::int64_t q = v / divisor, r = v % divisor;
  if (!nearest) return q;
  const std::int64_t rest = r < 0 ? -r : r, gap = divisor - rest;
  if (rest < gap || (rest == gap && q % 2 == 0)) return q;
  return v < 0 ? q - 1 : q + 1;
}

inline std::int64_t applied(const Stage& stage, std::int64_t v, long channel, long index) {
  switch (stage.kind) {
    case Stage::add_channel:
      return v + item(stage.items, channel);
    case Stage::add_map:
      return v + item(stage.items, index);
    case Stage::multiply:
      return v * stage.number;
    case Stage::divide:
      return divided(v, stage.number, stage.nearest);
    default:
      return v < 0 ? 0 : stage.number && v > stage.number ? stage.number : v;
  }
}

// A run of int64 sums, none of whose stages leaves int64.
inline void finish(const Epilogue& e, const std::int64_t* sums, long channel, long index, int count,
                   StageBounds& seen) {
  for (int i = 0; i < count; ++i) {
    std::int64_t v = sums[i];
    seen.of[0].include({v, v});
    for (int s = 0; s < e.count; ++s) {
      v = applied(e.stages[s], v, e.by_lane ? channel + i : channel, index + i);
      seen.of[s + 1].include({v, v});
    }
    if (e.out_bytes == 2) static_cast<int16_t*>(e.out)[index + i] = static_cast<int16_t>(v);
    if (e.out_bytes == 4) static_cast<int32_t*>(e.out)[index + i] = static_cast<int32_t>(v);
    if (e.out_bytes == 8) static_cast<std::int64_t*>(e.out)[index + i] = v;
  }
}

}  // namespace
}  // namespace SMARTVM_ISA
}  // namespace smartvm
