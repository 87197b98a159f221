#include "peak.h"

#include "vectors.h"

namespace smartvm::SMARTVM_ISA {

namespace {
constexpr int CHAINS = LANES == 16 ? 16 : 12;
}

int peak_products() { return CHAINS * LANES * 2; }

int peak(long rounds) {
  Vector sums[CHAINS];
  SMARTVM_UNROLL for (int i = 0; i < CHAINS; ++i)
    sums[i] = broadcast(i);
  Vector a = broadcast(static_cast<int32_t>(rounds));
  const Vector b = broadcast(3);
  for (long round = 0; round < rounds; ++round) {
    a = add(a, b);  // so that no product is the same as in the round before
    SMARTVM_UNROLL for (int i = 0; i < CHAINS; ++i)
      sums[i] = dot(sums[i], a, b);
  }
  SMARTVM_UNROLL for (int i = 1; i < CHAINS; ++i)
    sums[0] = add(sums[0], sums[i]);
  int32_t total[LANES];
  store(total, sums[0]);
  return total[0];
}

}  // namespace smartvm::SMARTVM_ISA
