// A segment: the sums of some neighbouring pixels of a block of channels, on their way to the
// result.
#pragma once

#include "doubles.h"
#include "epilogue.h"
#include "gemm.h"

namespace smartvm::SMARTVM_ISA {
namespace {

constexpr int SEGMENT = 8 * LANES;  // pixels

#if defined(SMARTVM_ISA_avx512)
// (16 pixels, BLOCK) to (16 channels, SEGMENT).
inline void turn_sums(const int32_t* from, int32_t* to) {
  __m512i a[16], b[16];
  SMARTVM_UNROLL for (int i = 0; i < 16; ++i)
    a[i] = load(from + i * BLOCK);
  SMARTVM_UNROLL for (int i = 0; i < 8; ++i) {
    b[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
    b[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
  }
  SMARTVM_UNROLL for (int i = 0; i < 4; ++i) {  // a[4i + j]: channels j, j+4, …, of pixels 4i …
    a[4 * i] = _mm512_unpacklo_epi64(b[4 * i], b[4 * i + 2]);
    a[4 * i + 1] = _mm512_unpackhi_epi64(b[4 * i], b[4 * i + 2]);
    a[4 * i + 2] = _mm512_unpacklo_epi64(b[4 * i + 1], b[4 * i + 3]);
    a[4 * i + 3] = _mm512_unpackhi_epi64(b[4 * i + 1], b[4 * i + 3]);
  }
  SMARTVM_UNROLL for (int j = 0; j < 4; ++j) {
    b[j] = _mm512_shuffle_i32x4(a[j], a[4 + j], 0x88);
    b[4 + j] = _mm512_shuffle_i32x4(a[j], a[4 + j], 0xdd);
    b[8 + j] = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0x88);
    b[12 + j] = _mm512_shuffle_i32x4(a[8 + j], a[12 + j], 0xdd);
  }
  SMARTVM_UNROLL for (int j = 0; j < 4; ++j) {
    store(to + j * SEGMENT, _mm512_shuffle_i32x4(b[j], b[8 + j], 0x88));
    store(to + (8 + j) * SEGMENT, _mm512_shuffle_i32x4(b[j], b[8 + j], 0xdd));
    store(to + (4 + j) * SEGMENT, _mm512_shuffle_i32x4(b[4 + j], b[12 + j], 0x88));
    store(to + (12 + j) * SEGMENT, _mm512_shuffle_i32x4(b[4 + j], b[12 + j], 0xdd));
  }
}
#else
inline void turn_sums(const int32_t* from, int32_t* to) {
  for (int channel = 0; channel < LANES; ++channel)
    for (int pixel = 0; pixel < LANES; ++pixel)
      to[channel * SEGMENT + pixel] = from[pixel * BLOCK + channel];
}
#endif

// Copy the last of `count` runs of BLOCK sums behind it, up to whole vectors of runs.
inline int fill_up(int32_t* sums, int count) {
  const int whole = (count + LANES - 1) / LANES * LANES;
  for (int i = count; i < whole; ++i)
    std::memcpy(sums + i * BLOCK, sums + (count - 1) * BLOCK, BLOCK * sizeof *sums);
  return whole;
}

// Take the sums (pixels, BLOCK) of `channels` channels through the epilogue into an array of
// channel planes: pixel p of channel c goes to `index` + c·plane + p. There is room for whole
// vectors.
inline void settle(const Epilogue& e, int32_t* sums, int pixels, int channels, long channel,
                   long index, long plane, Extremes& seen) {
  int32_t rows[LANES * SEGMENT];
  const int whole = fill_up(sums, pixels);
  for (int part = 0; part < channels; part += LANES) {
    for (int p = 0; p < whole; p += LANES) turn_sums(sums + p * BLOCK + part, rows + p);
    for (int c = part; c < channels && c < part + LANES; ++c)
      finish(e, rows + (c - part) * SEGMENT, channel + c, index + c * plane, pixels, seen);
  }
}

// The same for sums that are those of two halves of the map, `high` ones times `scale`.
inline void settle(const Epilogue& e, int32_t* low, int32_t* high, double scale, int pixels,
                   int channels, long channel, long index, long plane, DoubleExtremes& seen) {
  int32_t rows[2][LANES * SEGMENT];
  double row[SEGMENT];
  const int whole = fill_up(low, pixels);
  fill_up(high, pixels);
  for (int part = 0; part < channels; part += LANES) {
    for (int p = 0; p < whole; p += LANES) {
      turn_sums(low + p * BLOCK + part, rows[0] + p);
      turn_sums(high + p * BLOCK + part, rows[1] + p);
    }
    for (int c = part; c < channels && c < part + LANES; ++c) {
      const int32_t* lows = rows[0] + (c - part) * SEGMENT;
      const int32_t* highs = rows[1] + (c - part) * SEGMENT;
      for (int p = 0; p < whole; ++p) row[p] = highs[p] * scale + lows[p];
      finish(e, row, channel + c, index + c * plane, pixels, seen);
    }
  }
}

inline void settle(const Epilogue& e, std::int64_t* sums, int pixels, int channels, long channel,
                   long index, long plane, StageBounds& seen) {
  for (int c = 0; c < channels; ++c) {
    std::int64_t row[SEGMENT];
    for (int p = 0; p < pixels; ++p) row[p] = sums[p * BLOCK + c];
    finish(e, row, channel + c, index + c * plane, pixels, seen);
  }
}

}  // namespace
}  // namespace smartvm::SMARTVM_ISA
