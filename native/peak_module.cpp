#include "module.h"
#include "peak.h"
#include "threads.h"

namespace smartvm {

void bind_peak(nanobind::module_& m) {
  m.def(
      "peak",
      [](long rounds) {
        const auto work = SMARTVM_CHOOSE(peak);
        const int count = threads();
        nanobind::gil_scoped_release release;
        parallel(count, [&](int) { static_cast<void>(work(rounds)); });
        return rounds * count * SMARTVM_CHOOSE(peak_products)();
      },
      nanobind::arg("rounds"),
      "Do dot products of int16 in registers, on each thread; returns how many products they "
      "were.");
}

}  // namespace smartvm
