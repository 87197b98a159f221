#include "arrays.h"
#include "elementwise.h"
#include "module.h"

namespace nb = nanobind;

namespace smartvm {
namespace {

nb::tuple combine_arrays(nb::handle out, nb::handle x, nb::handle y, std::int64_t plane,
                         int sum_bytes, bool product) {
  const Array to(out, Array::write), a(x, Array::read), b(y, Array::read);
  const Combine job{a.items(), b.items(), to.data(), to.item_bytes(), sum_bytes, plane, product};
  return as_tuple(in_parts(job.x.count, job.x.bytes, [&](auto begin, auto end) {
    return SMARTVM_CHOOSE(combine)(job, begin, end);
  }));
}

nb::tuple divide_arrays(nb::handle out, nb::handle x, nb::handle y, std::int64_t plane,
                        bool nearest) {
  const Array to(out, Array::write), a(x, Array::read), b(y, Array::read);
  const DivideBy job{a.items(), b.items(), to.data(), to.item_bytes(), plane, nearest};
  return as_tuple(in_parts(job.x.count, job.x.bytes, [&](auto begin, auto end) {
    return SMARTVM_CHOOSE(divide_by)(job, begin, end);
  }));
}

// The kernels of one array whose bounds the caller knows.
template <class Job, class Kernel, class... Terms>
void map_array(nb::handle out, nb::handle x, Kernel kernel, Terms... terms) {
  const Array to(out, Array::write), from(x, Array::read);
  const Job job{from.items(), to.data(), to.item_bytes(), terms...};
  in_parts(job.x.count, job.x.bytes, [&](auto begin, auto end) {
    kernel(job, begin, end);
    return Bounds();
  });
}

}  // namespace

void bind_elementwise(nb::module_& m) {
  using nb::arg;
  m.def("combine", &combine_arrays, arg("out"), arg("x"), arg("y"), arg("plane"), arg("sum_bytes"),
        arg("product"), "x + y, or x · y, by channels; the bounds of the results.");
  m.def("divide_by", &divide_arrays, arg("out"), arg("x"), arg("y"), arg("plane"), arg("nearest"),
        "x / y by channels; the bounds of the quotients.");
  m.def(
      "multiply",
      [](nb::handle out, nb::handle x, std::int64_t factor) {
        map_array<Multiply>(out, x, SMARTVM_CHOOSE(multiply), factor);
      },
      arg("out"), arg("x"), arg("factor"), "x · factor.");
  m.def(
      "divide",
      [](nb::handle out, nb::handle x, std::uint64_t divisor, bool nearest) {
        map_array<Divide>(out, x, SMARTVM_CHOOSE(divide), divisor, nearest);
      },
      arg("out"), arg("x"), arg("divisor"), arg("nearest"), "x / divisor, which is at least 2.");
  m.def(
      "clip",
      [](nb::handle out, nb::handle x, std::int64_t low, std::int64_t high) {
        map_array<Clip>(out, x, SMARTVM_CHOOSE(clip), low, high);
      },
      arg("out"), arg("x"), arg("low"), arg("high"), "Each item, at least low and at most high.");
  m.def(
      "leaky",
      [](nb::handle out, nb::handle x, int product_bytes, std::uint64_t numerator,
         std::uint64_t denominator, std::int64_t cap) {
        map_array<Leaky>(out, x, SMARTVM_CHOOSE(leaky), product_bytes, numerator, denominator, cap);
      },
      arg("out"), arg("x"), arg("product_bytes"), arg("numerator"), arg("denominator"), arg("cap"),
      "Items below zero times a ratio, the others at most cap.");
}

}  // namespace smartvm
