#include <atomic>

#include "arrays.h"
#include "module.h"
#include "packing.h"

namespace nb = nanobind;

namespace smartvm {
namespace {

nb::tuple unpack_array(nb::handle out, nb::handle buffer, int width, bool big_endian,
                       bool is_signed) {
  const Array to(out, Array::write), from(buffer, Array::read);
  const Packed job{static_cast<std::uint8_t*>(from.data()), from.nbytes() / width, width, big_endian,
                   is_signed};
  std::atomic<bool> any_wide{false};
  const Bounds bounds = in_parts(job.count, width, [&](auto begin, auto end) {
    bool wide = false;
    const Bounds found =
        SMARTVM_CHOOSE(unpack)(job, to.data(), to.item_bytes(), begin, end, &wide);
    if (wide) any_wide = true;
    return found;
  });
  if (any_wide) {
    PyErr_SetString(PyExc_OverflowError, "an item of more than 64 bits");
    throw nb::python_error();
  }
  return as_tuple(bounds);
}

nb::bytes pack_array(nb::handle x, int width, bool big_endian) {
  const Array from(x, Array::read);
  const Items items = from.items();
  PyObject* packed = PyBytes_FromStringAndSize(nullptr, items.count * width);
  if (!packed) throw nb::python_error();
  const Packed job{reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(packed)), items.count, width,
                   big_endian, true};
  in_parts(items.count, width, [&](auto begin, auto end) {
    SMARTVM_CHOOSE(pack)(items, job, begin, end);
    return Bounds();
  });
  return nb::steal<nb::bytes>(packed);
}

}  // namespace

void bind_packing(nb::module_& m) {
  using nb::arg;
  m.def("unpack", &unpack_array, arg("out"), arg("buffer"), arg("width"), arg("big_endian"),
        arg("is_signed"),
        "Packed items of `width` bytes to integers; their bounds.\n\n"
        "Raises:\n    OverflowError: an item needs more than 64 bits.");
  m.def("pack", &pack_array, arg("x"), arg("width"), arg("big_endian"),
        "Integers to packed items of `width` bytes, which hold them.");
  m.def(
      "bounds",
      [](nb::handle x) {
        const Array from(x, Array::read);
        const Items items = from.items();
        return as_tuple(in_parts(items.count, items.bytes, [&](auto begin, auto end) {
          return SMARTVM_CHOOSE(bounds)(items, begin, end);
        }));
      },
      arg("x"), "The least and the greatest of an array; (0, 0) of none.");
}

}  // namespace smartvm
