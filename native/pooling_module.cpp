#include <vector>

#include "arrays.h"
#include "module.h"
#include "pooling.h"

namespace nb = nanobind;

namespace smartvm {
namespace {

struct Axis {
  std::int64_t size, kernel, stride, before, after, step, outs;

  // The cells [low(), high()) that a negative padding leaves.
  std::int64_t low() const { return before < 0 ? -before : 0; }
  std::int64_t high() const { return size + (after < 0 ? after : 0); }
};

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return -((-a) / b - ((-a) % b < 0)); }

// How many cells of the window from `start` lie in [low, high), and the first of them.
std::int64_t between(const Axis& axis, std::int64_t start, std::int64_t low, std::int64_t high,
                     std::int64_t* first) {
  std::int64_t begin = ceil_divide(low - start, axis.step);
  std::int64_t end = ceil_divide(high - start, axis.step);
  if (begin < 0) begin = 0;
  if (end > axis.kernel) end = axis.kernel;
  *first = start + begin * axis.step;
  return end > begin ? end - begin : 0;
}

// The windows of an axis, as `PoolShape.windows` has them.
std::vector<Window> windows_of(const Axis& axis, bool count_padding) {
  std::vector<Window> windows;
  for (std::int64_t out = 0; out < axis.outs; ++out) {
    Window window;
    std::int64_t unused;
    const std::int64_t start = out * axis.stride - axis.before;
    window.cells = between(axis, start, axis.low(), axis.high(), &window.first);
    window.counted = count_padding
                         ? between(axis, start, -axis.before, axis.size + axis.after, &unused)
                         : window.cells;
    windows.push_back(window);
  }
  return windows;
}

PoolAxis pool_axis(const Axis& axis, const std::vector<Window>& windows) {
  PoolAxis found{axis.size,   axis.kernel, axis.stride,  axis.step,      axis.outs,
                 axis.before, axis.low(),  axis.high(),  windows.data(), 0,
                 0};
  const auto whole = [&](std::int64_t out) { return windows[out].counted == axis.kernel; };
  while (found.inner < axis.outs && !whole(found.inner)) ++found.inner;
  for (found.beyond = found.inner; found.beyond < axis.outs && whole(found.beyond);)
    ++found.beyond;
  return found;
}

nb::tuple pool_array(nb::handle out, nb::handle x, std::int64_t planes, nb::tuple size,
                     nb::tuple kernel, nb::tuple stride, nb::tuple padding, nb::tuple dilation,
                     nb::tuple out_size, bool count_padding, bool average, int sum_bytes) {
  const Array to(out, Array::write), from(x, Array::read);
  Pool job{from.items(), to.data(), {}, average, sum_bytes};
  std::vector<Window> windows[3];
  for (int i = 0; i < 3; ++i) {
    const nb::tuple sides = nb::cast<nb::tuple>(padding[i]);
    const auto number = [](nb::handle value) { return nb::cast<std::int64_t>(value); };
    Axis axis{number(size[i]), number(kernel[i]), 1, number(sides[0]), number(sides[1]), 1,
              number(out_size[i])};
    // A step that is never taken may be of any length.
    if (axis.outs > 1) axis.stride = number(stride[i]);
    if (axis.kernel > 1) axis.step = number(dilation[i]);
    windows[i] = windows_of(axis, count_padding);
    job.axes[i] = pool_axis(axis, windows[i]);
  }
  const std::int64_t plane_items = planes ? job.x.count / planes : 0;
  return as_tuple(in_parts(planes, plane_items * job.x.bytes, [&](auto begin, auto end) {
    return SMARTVM_CHOOSE(pool)(job, begin, end);
  }));
}

}  // namespace

void bind_pooling(nb::module_& m) {
  using nb::arg;
  m.def("pool", &pool_array, arg("out"), arg("x"), arg("planes"), arg("size"), arg("kernel"),
        arg("stride"), arg("padding"), arg("dilation"), arg("out_size"), arg("count_padding"),
        arg("average"), arg("sum_bytes"),
        "The greatest cell, or the average, of each window; the bounds of the results.");
}

}  // namespace smartvm
