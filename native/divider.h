// Division by a number that is known before the loop: a multiplication and a shift.
//
// For a magnitude n <= 2^(W-1), W the bits of U, and a divisor d of b bits that is no power of two:
// with k = W-1+b and m = floor(2^k / d) + 1, m·d = 2^k + e, 0 < e <= d, so that n·m / 2^k exceeds
// n/d by n·e / (d·2^k) <= n / 2^k < 1/d: too little to reach the next integer, and so
// floor(n·m / 2^k) = floor(n / d). m < 2^W since d >= 2^(b-1) + 1 (Granlund and Montgomery, "Division
// by invariant integers using multiplication", 1994). For d = 2^p, m = 2^(W-1) and a shift by p-1.
#pragma once

#include <cstdint>

#include "forms.h"

namespace smartvm {
namespace {

template <class U>
struct Twice;
template <>
struct Twice<std::uint16_t> {
  using type = std::uint32_t;
};
template <>
struct Twice<std::uint32_t> {
  using type = std::uint64_t;
};
template <>
struct Twice<std::uint64_t> {
  using type = unsigned __int128;
};

template <class U>
class Divider {
 public:
  // A divisor in [2, 2^W).
  explicit Divider(std::uint64_t divisor) : divisor_(static_cast<U>(divisor)) {
    const int bits = 64 - __builtin_clzll(divisor);
    if ((divisor & (divisor - 1)) == 0) {
      multiplier_ = static_cast<U>(U(1) << (width - 1));
      shift_ = bits - 2;
    } else {
      const auto power = static_cast<unsigned __int128>(1) << (width - 1 + bits);
      multiplier_ = static_cast<U>(power / divisor + 1);
      shift_ = bits - 1;
    }
  }

  // The quotient of a magnitude up to 2^(W-1), truncated.
  U truncated(U magnitude) const {
    using Product = typename Twice<U>::type;
    const U high = static_cast<U>(static_cast<Product>(magnitude) * multiplier_ >> width);
    return static_cast<U>(high >> shift_);
  }

  // The same, to the nearest integer, ties to the even one.
  U nearest(U magnitude) const {
    const U quotient = truncated(magnitude);
    const U remainder = static_cast<U>(magnitude - static_cast<U>(quotient * divisor_));
    const U rest = static_cast<U>(divisor_ - remainder);
    return static_cast<U>(quotient + (static_cast<U>(remainder + (quotient & 1)) > rest));
  }

 private:
  static constexpr int width = 8 * sizeof(U);
  U divisor_, multiplier_;
  int shift_;
};

// The signed quotient of a number whose magnitude is at most 2^(W-1).
template <bool nearest, class T>
inline T quotient(T value, const Divider<Unsigned<T>>& divider) {
  using U = Unsigned<T>;
  const U sign = static_cast<U>(value < 0 ? -1 : 0);
  const U magnitude = static_cast<U>((static_cast<U>(value) ^ sign) - sign);
  const U result = nearest ? divider.nearest(magnitude) : divider.truncated(magnitude);
  return static_cast<T>(static_cast<U>((result ^ sign) - sign));
}

}  // namespace
}  // namespace smartvm
