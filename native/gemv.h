// Products of a few rows by a matrix that is read once, as it is stored: at the memory's bandwidth.
#pragma once

#include "epilogue.h"
#include "isa.h"

namespace smartvm {

// out[row, column] = Σ x[row, k] · weights[column, k]
struct MatrixVector {
  Items x;        // (rows, inner); int16 where the sums are int32
  Items weights;  // (columns, inner); int8 or int16 where the sums are int32
  long rows, inner, columns;
  const int32_t* start;  // of each column, or null
  bool wide;             // int64 sums
  int half_bits;         // 0, or of the low half of the map: int32 sums of each, together doubles
  const int16_t* halves[2];  // (rows, inner): low and high
  int parts;
  Epilogue epilogue;
};

}  // namespace smartvm

SMARTVM_KERNEL(void, matrix_vector, const MatrixVector& job, int part, StageBounds& bounds)
// The sum of the positive ones of some weights, of the negative ones, and of all their squares.
SMARTVM_KERNEL(void, sum_weights, const int16_t* weights, long count, std::int64_t* sums)
SMARTVM_KERNEL(bool, fit_bytes, const int16_t* weights, long count, int8_t* to)
