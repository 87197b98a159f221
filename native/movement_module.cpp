#include "arrays.h"
#include "module.h"
#include "movement.h"

namespace nb = nanobind;

namespace smartvm {
namespace {

// Adds an axis inside the others; one that goes on where the axis before it stops is one with it.
void add_axis(View& job, std::int64_t length, std::int64_t stride) {
  if (length == 1) return;  // its stride is never taken, and may be of any length
  const int last = job.axes - 1;
  if (last >= 0 && job.strides[last] == length * stride) {
    job.dims[last] *= length;
    job.strides[last] = stride;
    return;
  }
  job.dims[job.axes] = length;
  job.strides[job.axes++] = stride;
}

nb::tuple view_array(nb::handle out, nb::handle x, std::int64_t offset, nb::sequence dims,
                     nb::sequence strides) {
  const Array to(out, Array::write), from(x, Array::read);
  View job{from.items(), to.data(), offset, 0, {}, {}};
  const auto count = nb::len(dims);
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = nb::cast<std::int64_t>(dims[i]);
    add_axis(job, length, length > 1 ? nb::cast<std::int64_t>(strides[i]) : 0);
  }
  if (job.axes == 0) job.dims[job.axes++] = 1;
  const std::int64_t row = job.dims[job.axes - 1];
  const std::int64_t rows = to.items().count / row;
  return as_tuple(in_parts(rows, row * job.x.bytes, [&](auto begin, auto end) {
    return SMARTVM_CHOOSE(view)(job, begin, end);
  }));
}

void place_array(nb::handle out, nb::handle x, std::int64_t row, std::int64_t start,
                 std::int64_t pitch) {
  const Array to(out, Array::write), from(x, Array::read);
  const Place job{from.items(), to.data(), to.item_bytes(), row, start, pitch};
  if (row == 0) return;
  in_parts(job.x.count / row, row * job.out_bytes, [&](auto begin, auto end) {
    SMARTVM_CHOOSE(place)(job, begin, end);
    return Bounds();
  });
}

nb::tuple gather_arrays(nb::handle out, nb::handle indices, nb::handle data, std::int64_t columns) {
  const Array to(out, Array::write), at(indices, Array::read), from(data, Array::read);
  const Gather job{at.items(), from.items(), to.data(), columns};
  return as_tuple(in_parts(job.indices.count, columns * job.data.bytes, [&](auto begin, auto end) {
    return SMARTVM_CHOOSE(gather)(job, begin, end);
  }));
}

}  // namespace

void bind_movement(nb::module_& m) {
  using nb::arg;
  m.def("view", &view_array, arg("out"), arg("x"), arg("offset"), arg("dims"), arg("strides"),
        "The items at offset + the sum of index times stride; their bounds.");
  m.def("place", &place_array, arg("out"), arg("x"), arg("row"), arg("start"), arg("pitch"),
        "Put rows of x, `row` items each, at start, start + pitch, … of out.");
  m.def("gather", &gather_arrays, arg("out"), arg("indices"), arg("data"), arg("columns"),
        "The rows of data that the indices name; their bounds.");
}

}  // namespace smartvm
