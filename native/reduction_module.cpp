#include "arrays.h"
#include "module.h"
#include "reduction.h"

namespace nb = nanobind;

namespace smartvm {

void bind_reduction(nb::module_& m) {
  using nb::arg;
  m.def(
      "reduce",
      [](nb::handle out, nb::handle x, int kind, bool last, std::int64_t axis, std::int64_t inner) {
        const Array to(out, Array::write), from(x, Array::read);
        const Reduction job{from.items(), to.data(), to.item_bytes(), static_cast<Reduced>(kind),
                            last,         axis,      inner};
        const std::int64_t outer = job.x.count / (axis * inner);
        return as_tuple(in_parts(outer, axis * inner * job.x.bytes, [&](auto begin, auto end) {
          return SMARTVM_CHOOSE(reduce)(job, begin, end);
        }));
      },
      arg("out"), arg("x"), arg("kind"), arg("last"), arg("axis"), arg("inner"),
      "Sums, extremes or their indices along an axis; the bounds of the results.");
}

}  // namespace smartvm
