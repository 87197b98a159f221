// The epilogue of sums beyond int32, as doubles: exact, for the caller proves that none of them, nor
// what a stage makes of it, leaves [−2^51, 2^51).
//
// The quotient of a double is the nearest one to v/d, so that it is off by 2^-53·|v/d| <= 1/(4d) at
// most, while v/d is an integer or at least 1/d away from all of them, half an integer or at least
// 1/(2d) away from all of those. So neither rounding misses. The loops are for the compiler to turn
// into vectors.
#pragma once

#include "epilogue.h"

namespace smartvm::SMARTVM_ISA {
namespace {

constexpr int DOUBLES = LANES / 2;
using Doubles __attribute__((vector_size(8 * DOUBLES))) = double;

// Least and greatest so far, lane by lane.
struct DoubleExtremes {
  double low[most_stages + 1][DOUBLES], high[most_stages + 1][DOUBLES];

  explicit DoubleExtremes(int stages) {
    for (int stage = 0; stage <= stages; ++stage)
      for (int i = 0; i < DOUBLES; ++i) low[stage][i] = 0x1p62, high[stage][i] = -0x1p62;
  }

  // Whole vectors.
  inline void see(int stage, const double* v, int count) {
    Doubles least, most, values;
    std::memcpy(&least, low[stage], sizeof least);
    std::memcpy(&most, high[stage], sizeof most);
    for (int at = 0; at < count; at += DOUBLES) {
      std::memcpy(&values, v + at, sizeof values);
      least = values < least ? values : least;
      most = values > most ? values : most;
    }
    std::memcpy(low[stage], &least, sizeof least);
    std::memcpy(high[stage], &most, sizeof most);
  }

  void give(int stages, StageBounds& bounds) const {
    for (int stage = 0; stage <= stages; ++stage)
      for (int i = 0; i < DOUBLES; ++i)
        bounds.of[stage].include({static_cast<std::int64_t>(low[stage][i]),
                                  static_cast<std::int64_t>(high[stage][i])});
  }
};

template <class Item>
inline void add_items(const void* items, long index, int count, double* v) {
  const Item* from = static_cast<const Item*>(items) + index;
  for (int i = 0; i < count; ++i) v[i] += static_cast<double>(from[i]);
}

inline void add_run(const Items& items, long index, int count, double* v) {
  if (items.bytes == 2) return add_items<int16_t>(items.data, index, count, v);
  if (items.bytes == 4) return add_items<int32_t>(items.data, index, count, v);
  add_items<std::int64_t>(items.data, index, count, v);
}

inline void divide_run(double divisor, bool nearest, int count, double* v) {
  constexpr double magic = 0x1.8p52;  // adding it rounds to an integer, ties to even
  if (nearest) {
    for (int i = 0; i < count; ++i) v[i] = v[i] / divisor + magic - magic;
    return;
  }
  for (int i = 0; i < count; ++i) {
    const double exact = v[i] / divisor, rounded = exact + magic - magic;
    const double down = rounded > exact ? 1 : 0, up = rounded < exact ? 1 : 0;
    v[i] = exact < 0 ? rounded + up : rounded - down;
  }
}

inline void apply_run(const Stage& stage, bool by_lane, long channel, long index, int count,
                      double* v) {
  const auto number = static_cast<double>(stage.number);
  switch (stage.kind) {
    case Stage::add_channel: {
      if (by_lane) return add_run(stage.items, channel, count, v);
      const auto term = static_cast<double>(item(stage.items, channel));
      for (int i = 0; i < count; ++i) v[i] += term;
      break;
    }
    case Stage::add_map:
      return add_run(stage.items, index, count, v);
    case Stage::multiply:
      for (int i = 0; i < count; ++i) v[i] *= number;
      break;
    case Stage::divide:
      return divide_run(number, stage.nearest, count, v);
    case Stage::relu:
      for (int i = 0; i < count; ++i) v[i] = v[i] > 0 ? v[i] : 0;
      if (stage.number)
        for (int i = 0; i < count; ++i) v[i] = v[i] < number ? v[i] : number;
  }
}

// What is beyond the form becomes its end.
template <class Item>
inline void write_run(void* out, long index, int count, const double* v) {
  constexpr double low = sizeof(Item) == 2 ? INT16_MIN : INT32_MIN;
  constexpr double high = sizeof(Item) == 2 ? INT16_MAX : INT32_MAX;
  Item* to = static_cast<Item*>(out) + index;
  for (int i = 0; i < count; ++i) {
    const double kept = v[i] < low ? low : v[i] > high ? high : v[i];
    to[i] = static_cast<Item>(static_cast<int32_t>(kept));
  }
}

// A run of `count` sums in a buffer of whole vectors, which it fills up with copies of the last.
inline void finish(const Epilogue& e, double* sums, long channel, long index, int count,
                   DoubleExtremes& seen) {
  const int whole = (count + DOUBLES - 1) / DOUBLES * DOUBLES;
  const auto fill_up = [&] {
    for (int i = count; i < whole; ++i) sums[i] = sums[count - 1];
  };
  fill_up();
  seen.see(0, sums, whole);
  for (int s = 0; s < e.count; ++s) {
    apply_run(e.stages[s], e.by_lane, channel, index, count, sums);
    if (keeps_order(e.stages[s])) continue;
    fill_up();
    seen.see(s + 1, sums, whole);
  }
  if (e.out_bytes == 2) return write_run<int16_t>(e.out, index, count, sums);
  if (e.out_bytes == 4) return write_run<int32_t>(e.out, index, count, sums);
  auto* to = static_cast<std::int64_t*>(e.out) + index;
  for (int i = 0; i < count; ++i) to[i] = static_cast<std::int64_t>(sums[i]);
}

}  // namespace
}  // namespace smartvm::SMARTVM_ISA
