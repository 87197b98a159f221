// Vectors of int32, as many as a register of the instruction set holds; for kernels' files only.
//
// Two int16 side by side fill an int32: `dot` multiplies the pairs of two vectors and adds both
// products to each sum, modulo 2^32. So the order of the sums is free, and a sum is exact whenever
// its final value fits, whatever it passes through.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(SMARTVM_ISA_avx512) || defined(SMARTVM_ISA_avx2)
#include <immintrin.h>
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The native kernels take pairs of int16 apart as little-endian machines store them."
#endif

// Before a loop over an array of vectors, whose length is a constant: they then stay in registers.
#define SMARTVM_UNROLL _Pragma("GCC unroll 32")
// Before a function that takes such an array.
#define SMARTVM_INLINE inline __attribute__((always_inline))

namespace smartvm::SMARTVM_ISA {

#if defined(SMARTVM_ISA_avx512)

constexpr int LANES = 16;
using Vector = __m512i;

inline Vector load(const void* from) { return _mm512_loadu_si512(from); }
inline void store(void* to, Vector v) { _mm512_storeu_si512(to, v); }
inline Vector broadcast(int32_t value) { return _mm512_set1_epi32(value); }
inline Vector dot(Vector sum, Vector a, Vector b) { return _mm512_dpwssd_epi32(sum, a, b); }
inline Vector add(Vector a, Vector b) { return _mm512_add_epi32(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm512_mullo_epi32(a, b); }
inline Vector least(Vector a, Vector b) { return _mm512_min_epi32(a, b); }
inline Vector greatest(Vector a, Vector b) { return _mm512_max_epi32(a, b); }
inline Vector widen(const int16_t* from) {
  return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Vector widen(const int8_t* from) {  // two int8 a lane become two int16 a lane
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline void narrow(int16_t* to, Vector v) {  // saturates
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtsepi32_epi16(v));
}
// The even (odd) int16 of each lane, as int32.
inline Vector even(Vector v) { return _mm512_srai_epi32(_mm512_slli_epi32(v, 16), 16); }
inline Vector odd(Vector v) { return _mm512_srai_epi32(v, 16); }
inline Vector shift_right(Vector v, int by) { return _mm512_sra_epi32(v, _mm_cvtsi32_si128(by)); }
// The pairs (a[i], b[i]) of two vectors of int16, in some order; and back into order, once summed.
inline void pair_up(Vector a, Vector b, Vector& first, Vector& second) {
  first = _mm512_unpacklo_epi16(a, b);
  second = _mm512_unpackhi_epi16(a, b);
}
inline void store_pairs(int32_t* to, Vector first, Vector second) {
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  store(to, _mm512_permutex2var_epi64(first, low, second));
  store(to + LANES, _mm512_permutex2var_epi64(first, high, second));
}
inline Vector both(Vector a, Vector b) { return _mm512_and_si512(a, b); }

inline __m256i quotient(__m256i v, __m512d divisor, __m512d reciprocal, bool nearest) {
  const __m512d x = _mm512_cvtepi32_pd(v);
  const __m512d q = _mm512_mul_pd(x, reciprocal);
  const __m512d exact = _mm512_fmadd_pd(_mm512_fnmadd_pd(q, divisor, x), reciprocal, q);
  return nearest ? _mm512_cvtpd_epi32(exact) : _mm512_cvttpd_epi32(exact);
}
inline Vector divide(Vector v, double divisor, double reciprocal, bool nearest) {
  const __m512d d = _mm512_set1_pd(divisor), r = _mm512_set1_pd(reciprocal);
  const __m256i low = quotient(_mm512_castsi512_si256(v), d, r, nearest);
  const __m256i high = quotient(_mm512_extracti64x4_epi64(v, 1), d, r, nearest);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

#elif defined(SMARTVM_ISA_avx2)

constexpr int LANES = 8;
using Vector = __m256i;

inline Vector load(const void* from) {
  return _mm256_loadu_si256(static_cast<const Vector*>(from));
}
inline void store(void* to, Vector v) { _mm256_storeu_si256(static_cast<Vector*>(to), v); }
inline Vector broadcast(int32_t value) { return _mm256_set1_epi32(value); }
inline Vector dot(Vector sum, Vector a, Vector b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
inline Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
inline Vector multiply(Vector a, Vector b) { return _mm256_mullo_epi32(a, b); }
inline Vector least(Vector a, Vector b) { return _mm256_min_epi32(a, b); }
inline Vector greatest(Vector a, Vector b) { return _mm256_max_epi32(a, b); }
inline Vector widen(const int16_t* from) {
  return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Vector widen(const int8_t* from) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline void narrow(int16_t* to, Vector v) {
  const __m128i packed = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), packed);
}
inline Vector even(Vector v) { return _mm256_srai_epi32(_mm256_slli_epi32(v, 16), 16); }
inline Vector odd(Vector v) { return _mm256_srai_epi32(v, 16); }
inline Vector shift_right(Vector v, int by) { return _mm256_sra_epi32(v, _mm_cvtsi32_si128(by)); }
inline void pair_up(Vector a, Vector b, Vector& first, Vector& second) {
  first = _mm256_unpacklo_epi16(a, b);
  second = _mm256_unpackhi_epi16(a, b);
}
inline void store_pairs(int32_t* to, Vector first, Vector second) {
  store(to, _mm256_permute2x128_si256(first, second, 0x20));
  store(to + LANES, _mm256_permute2x128_si256(first, second, 0x31));
}
inline Vector both(Vector a, Vector b) { return _mm256_and_si256(a, b); }

inline __m128i quotient(__m128i v, __m256d divisor, __m256d reciprocal, bool nearest) {
  const __m256d x = _mm256_cvtepi32_pd(v);
  const __m256d q = _mm256_mul_pd(x, reciprocal);
  const __m256d exact = _mm256_fmadd_pd(_mm256_fnmadd_pd(q, divisor, x), reciprocal, q);
  return nearest ? _mm256_cvtpd_epi32(exact) : _mm256_cvttpd_epi32(exact);
}
inline Vector divide(Vector v, double divisor, double reciprocal, bool nearest) {
  const __m256d d = _mm256_set1_pd(divisor), r = _mm256_set1_pd(reciprocal);
  const __m128i low = quotient(_mm256_castsi256_si128(v), d, r, nearest);
  const __m128i high = quotient(_mm256_extracti128_si256(v, 1), d, r, nearest);
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

#else

constexpr int LANES = 4;
struct Vector {
  int32_t lane[LANES];
};

template <class Each>
inline Vector each(Each value) {
  Vector v;
  for (int i = 0; i < LANES; ++i) v.lane[i] = value(i);
  return v;
}
inline Vector load(const void* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store(void* to, const Vector& v) { std::memcpy(to, &v, sizeof v); }
inline Vector broadcast(int32_t value) {
  return each([&](int) { return value; });
}
inline Vector even(const Vector& v) {
  return each([&](int i) { return static_cast<int16_t>(v.lane[i]); });
}
inline Vector odd(const Vector& v) {
  return each([&](int i) { return v.lane[i] >> 16; });
}
inline Vector add(const Vector& a, const Vector& b) {
  return each([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline Vector multiply(const Vector& a, const Vector& b) {
  return each([&](int i) { return a.lane[i] * b.lane[i]; });
}
inline Vector dot(const Vector& sum, const Vector& a, const Vector& b) {
  const Vector first = multiply(even(a), even(b)), second = multiply(odd(a), odd(b));
  return each([&](int i) { return sum.lane[i] + first.lane[i] + second.lane[i]; });
}
inline Vector least(const Vector& a, const Vector& b) {
  return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Vector greatest(const Vector& a, const Vector& b) {
  return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Vector widen(const int16_t* from) {
  return each([&](int i) { return from[i]; });
}
inline Vector widen(const int8_t* from) {
  int16_t pairs[2 * LANES];
  for (int i = 0; i < 2 * LANES; ++i) pairs[i] = from[i];
  return load(pairs);
}
inline void narrow(int16_t* to, const Vector& v) {
  const Vector kept = least(greatest(v, broadcast(INT16_MIN)), broadcast(INT16_MAX));
  for (int i = 0; i < LANES; ++i) to[i] = static_cast<int16_t>(kept.lane[i]);
}
inline Vector shift_right(const Vector& v, int by) {
  return each([&](int i) { return v.lane[i] >> by; });
}
inline Vector both(const Vector& a, const Vector& b) {
  return each([&](int i) { return a.lane[i] & b.lane[i]; });
}
inline void pair_up(const Vector& a, const Vector& b, Vector& first, Vector& second) {
  const Vector a0 = even(a), a1 = odd(a), b0 = even(b), b1 = odd(b);
  const auto pair = [](int32_t x, int32_t y) {
    return static_cast<int32_t>((static_cast<uint32_t>(y) << 16) | static_cast<uint16_t>(x));
  };
  first = each([&](int i) { return pair(a0.lane[i], b0.lane[i]); });
  second = each([&](int i) { return pair(a1.lane[i], b1.lane[i]); });
}
inline void store_pairs(int32_t* to, const Vector& first, const Vector& second) {
  for (int i = 0; i < LANES; ++i) {
    to[2 * i] = first.lane[i];
    to[2 * i + 1] = second.lane[i];
  }
}
// Adding 1.5·2^52 rounds a smaller number to an integer, ties to even.
inline int32_t quotient(int32_t v, double divisor, bool nearest) {
  constexpr double magic = 6755399441055744.0;
  const double exact = v / divisor;
  return static_cast<int32_t>(nearest ? exact + magic - magic : exact);
}
inline Vector divide(const Vector& v, double divisor, double, bool nearest) {
  return each([&](int i) { return quotient(v.lane[i], divisor, nearest); });
}

#endif

inline Vector broadcast_pair(const int16_t* pair) {
  int32_t bits;
  std::memcpy(&bits, pair, sizeof bits);
  return broadcast(bits);
}

}  // namespace smartvm::SMARTVM_ISA
