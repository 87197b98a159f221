#include "convolution.h"

#include <nanobind/stl/array.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "arrays.h"
#include "module.h"
#include "offset.h"
#include "scratch.h"
#include "stages.h"
#include "threads.h"
#include "weights.h"

namespace nb = nanobind;

namespace smartvm {
namespace {

constexpr long panel_bytes = 192 << 10;  // beside the weights, in a core's second cache
constexpr long thread_macs = 2 << 20;    // that are worth another thread

constexpr long depthwise_cost = 16;  // of a product, whose operands are used less often

// Weights packed for one shape, and how it is cut into parts.
class ConvolutionPlan {
 public:
  ConvolutionPlan(std::array<int, 4> counts, std::array<int, 3> size, std::array<int, 3> kernel,
                  std::array<int, 3> stride, std::array<int, 3> before, std::array<int, 3> dilation,
                  std::array<int, 3> out, nb::handle weights)
      : isa_(isa()), block_(SMARTVM_CHOOSE(block_channels)()) {
    Geometry& g = job_.shape;
    g = {counts[0], counts[1], counts[2], counts[3], {}, {}, {}, {}, {}, {}, {}, dilation[2] == 1};
    for (int axis = 0; axis < 3; ++axis) {
      g.size[axis] = size[axis];
      g.out[axis] = out[axis];
      g.kernel[axis] = kernel[axis];
      // With a kernel of one cell, the cells that a stride skips need not be in the panel.
      g.stride[axis] = kernel[axis] == 1 ? 1 : stride[axis];
      g.step[axis] = kernel[axis] == 1 ? stride[axis] : 1;
      g.before[axis] = before[axis];
      g.dilation[axis] = dilation[axis];
    }
    depthwise_ = g.channels == 1;
    pack(weights);
    cut(threads());
  }

  std::int64_t positive() const { return bounds_.positive; }
  std::int64_t negative() const { return bounds_.negative; }
  std::int64_t norm() const { return bounds_.norm; }
  std::size_t nbytes() const {
    std::size_t bytes = sizeof *this + pairs_.size() * 2 + (sums_.size() + doubles_.size()) * 8;
    for (const auto& part : parts_) bytes += part.size() * 2;
    for (const auto& part : packed_) bytes += part.size() * 2;
    return bytes;
  }

  // A bound of the sum of the squares of a window's items, all less than 2^20 in magnitude: none
  // where 2^22 of them might be too many for int64.
  std::int64_t squares(nb::handle x) const {
    if (window_pairs(job_.shape) > 1 << 21) return INT64_MAX;
    const Array from(x, Array::read);
    const std::int64_t greatest = from.item_bytes() == 2
                                      ? most_squares(static_cast<const int16_t*>(from.data()))
                                      : most_squares(static_cast<const int32_t*>(from.data()));
    const int* kernel = job_.shape.kernel;
    return greatest * kernel[0] * kernel[1] * kernel[2];
  }

  // The convolution in int32, each sum of which is proved to fit: of int16 items, or of int32 items
  // less `offset`, what then exceeds int16 being added item by item. None where that is too much.
  nb::object narrow(nb::handle x, nb::handle out, nb::sequence stages, int32_t offset) {
    const Array from(x, Array::read);
    const Stages epilogue(out, stages, false);
    Convolution job = prepared(epilogue);
    const Items items = from.items();
    std::vector<int16_t> less;
    std::vector<Outlier> outliers;
    if (items.bytes == 2 && !offset) {
      job.passes[0].x = static_cast<const int16_t*>(items.data);
    } else {
      less.resize(static_cast<std::size_t>(items.count));
      subtract(isa_, items, offset, less.data(), outliers);
      if (static_cast<long>(outliers.size()) * outlier_cost > items.count) return nb::none();
      job.passes[0].x = less.data();
    }
    job.passes[0].weights = depthwise_ ? pairs_.data() : packed_[0].data();
    job.pass_count = 1;
    job.fill = static_cast<int16_t>(-offset);
    const std::vector<int32_t> start = times(sums_, offset);
    job.start = start.data();
    job.outliers = outliers.data();
    job.outlier_count = static_cast<long>(outliers.size());
    if (!depthwise_)
      return epilogue.found(run(job, SMARTVM_CHOOSE_FOR(isa_, convolution_scratch),
                                SMARTVM_CHOOSE_FOR(isa_, convolve)));
    job.parts =
        static_cast<int>(std::min<long>(job.parts, long(job.shape.batch) * job.shape.groups));
    return epilogue.found(
        run(job, SMARTVM_CHOOSE_FOR(isa_, depthwise_scratch), SMARTVM_CHOOSE_FOR(isa_, depthwise)));
  }

  // Whether `doubles` multiplies doubles themselves, so that its operands need no halves.
  bool whole() const { return depthwise_; }

  // The convolution in sums that are doubles, all that comes of which is proved to lie in
  // [−2^51, 2^51): of int16 weights and a map in two halves, of which the low one has `bits` bits,
  // the sums of each being proved to fit int32; or, where it is whole, of any map.
  nb::list doubles(nb::handle x, nb::handle out, nb::sequence stages, int bits) {
    const Array from(x, Array::read);
    const Stages epilogue(out, stages, false);
    Convolution job = prepared(epilogue);
    if (depthwise_) {
      job.items = from.items();
      job.doubles = doubles_.data();
      return epilogue.found(run(job, SMARTVM_CHOOSE_FOR(isa_, depthwise_doubles_scratch),
                                SMARTVM_CHOOSE_FOR(isa_, depthwise_doubles)));
    }
    const Halves halves(isa_, from.items(), bits);
    job.pass_count = 2;
    job.half_bits = bits;
    for (int half = 0; half < 2; ++half)
      job.passes[half] = {halves.of(half), packed_[0].data(), 0};
    return epilogue.found(run(job, SMARTVM_CHOOSE_FOR(isa_, convolution_scratch),
                              SMARTVM_CHOOSE_FOR(isa_, convolve)));
  }

  // The convolution in int64, of int32 sums of `chunk_pairs` pairs of products of parts.
  nb::list wide(nb::handle x, nb::handle out, nb::sequence stages, int chunk_pairs) {
    const Array from(x, Array::read);
    const Stages epilogue(out, stages, false);
    Convolution job = prepared(epilogue);
    if (packed_.empty()) pack_blocks(parts_);
    const auto parts = parts_of(from.items());
    for (std::size_t i = 0; i < parts.size(); ++i)
      for (std::size_t j = 0; j < packed_.size(); ++j)
        job.passes[job.pass_count++] = {parts[i].data(), packed_[j].data(),
                                        part_bits * static_cast<int>(i + j)};
    job.chunk_pairs = chunk_pairs;
    return epilogue.found(run(job, SMARTVM_CHOOSE_FOR(isa_, convolution_scratch),
                              SMARTVM_CHOOSE_FOR(isa_, convolve)));
  }

 private:
  // The greatest sum of the squares of a cell's items, over the channels of a group.
  template <class Item>
  std::int64_t most_squares(const Item* x) const {
    const Geometry& g = job_.shape;
    const long plane = static_cast<long>(g.size[0]) * g.size[1] * g.size[2];
    std::vector<std::int64_t> sums(static_cast<std::size_t>(plane));
    std::int64_t most = 0;
    for (long group = 0; group < static_cast<long>(g.batch) * g.groups; ++group) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int channel = 0; channel < g.channels; ++channel, x += plane)
        for (long i = 0; i < plane; ++i)
          sums[static_cast<std::size_t>(i)] += std::int64_t(x[i]) * x[i];
      most = std::max(most, *std::max_element(sums.begin(), sums.end()));
    }
    return most;
  }

  static constexpr long outlier_cost = 32;  // items of the map whose products cost what its do

  void pack(nb::handle weights) {
    const Array from(weights, Array::read);
    const Geometry& g = job_.shape;
    const long outs = static_cast<long>(g.groups) * g.outs;
    const long window = static_cast<long>(g.channels) * g.kernel[0] * g.kernel[1] * g.kernel[2];
    sums_.resize(static_cast<std::size_t>(depthwise_ ? outs : g.groups * padded_outs()));
    for (long out = 0; out < outs; ++out) {
      const long to = depthwise_ ? out : out / g.outs * padded_outs() + out % g.outs;
      sums_[static_cast<std::size_t>(to)] =
          from.item_bytes() == 2
              ? bounds_.include(isa_, static_cast<const int16_t*>(from.data()) + out * window,
                                window)
              : bounds_.include(isa_, static_cast<const int32_t*>(from.data()) + out * window,
                                window);
    }
    if (!depthwise_) {
      pack_blocks(parts_of(from.items()));
    } else {
      parts_ = parts_of(from.items());
      for (long i = 0; i < outs * window; ++i)
        doubles_.push_back(from.item_bytes() == 2 ? static_cast<const int16_t*>(from.data())[i]
                                                  : static_cast<const int32_t*>(from.data())[i]);
      const long even = (window + 1) / 2 * 2;
      pairs_.resize(static_cast<std::size_t>(outs * even));
      for (long out = 0; out < outs; ++out)
        std::copy_n(parts_[0].begin() + out * window, window, pairs_.begin() + out * even);
    }
  }

  // Channels of a group, up to whole blocks.
  long padded_outs() const { return (job_.shape.outs + block_ - 1) / block_ * long(block_); }

  void pack_blocks(const std::vector<std::vector<int16_t>>& parts) {
    const Geometry& g = job_.shape;
    for (const auto& part : parts) {
      packed_.emplace_back(
          static_cast<std::size_t>(g.groups * padded_outs() * window_pairs(g) * 2));
      SMARTVM_CHOOSE_FOR(isa_, pack_weights)(g, part.data(), packed_.back().data());
    }
  }

  // Cut the out plane into chunks whose panels stay in the cache, evenly for the threads.
  void cut(int count) {
    const Geometry& g = job_.shape;
    const long cell = 2L * g.channels * g.kernel[0] * g.stride[1] * g.stride[2];
    const long cells = std::max(panel_bytes / cell, 16L);
    job_.columns = static_cast<int>(std::min<long>(g.out[2], cells));
    job_.rows = job_.columns < g.out[2]
                    ? 1
                    : static_cast<int>(std::min<long>(g.out[1], std::max(cells / g.out[2], 1L)));
    const long planes = static_cast<long>(g.batch) * g.groups * g.out[0];
    const long macs = planes * g.out[1] * g.out[2] * g.outs * window_pairs(g) * 2;
    const long blocks = (g.outs + block_ - 1) / block_;
    job_.parts = macs * (depthwise_ ? depthwise_cost : 1) < thread_macs ? 1 : count;
    if (job_.columns == g.out[2] && job_.parts > 1) {
      // Of a few numbers of chunks the one that leaves least to the thread that has most.
      double best = 0;
      const int least = (g.out[1] + job_.rows - 1) / job_.rows;
      int chosen = job_.rows;
      for (int chunks = least; chunks <= std::min(least + 2 * count, g.out[1]); ++chunks) {
        const int rows = (g.out[1] + chunks - 1) / chunks;
        const long down = (g.out[1] + rows - 1) / rows, tasks = planes * down * blocks;
        const double most = static_cast<double>((tasks + count - 1) / count) * rows;
        const double cost = most * (1 + 0.02 * static_cast<double>(down));
        if (best == 0 || cost < best) best = cost, chosen = rows;
      }
      job_.rows = chosen;
    }
    const long down = (g.out[1] + job_.rows - 1) / job_.rows,
               across = (g.out[2] + job_.columns - 1) / job_.columns;
    job_.parts = static_cast<int>(std::min<long>(job_.parts, planes * down * across * blocks));
    threads_ = count;
  }

  Convolution prepared(const Stages& epilogue) {
    if (threads_ != threads()) cut(threads());
    Convolution job = job_;
    job.epilogue = epilogue.epilogue();
    return job;
  }

  StageBounds run(const Convolution& job, long (*scratch)(const Convolution&),
                  void (*kernel)(const Convolution&, int, void*, StageBounds&)) const {
    const nb::gil_scoped_release released;
    thread_local Scratch memory;
    const long each = scratch(job);
    char* base = memory.take(static_cast<std::size_t>(each * job.parts));
    std::vector<StageBounds> found(static_cast<std::size_t>(job.parts));
    parallel(job.parts, [&](int part) {
      kernel(job, part, base + each * part, found[static_cast<std::size_t>(part)]);
    });
    memory.trim();
    for (const StageBounds& other : found) found[0].include(other);
    return found[0];
  }

  const Isa isa_;
  const int block_;
  int threads_ = 0;
  Convolution job_{};
  bool depthwise_;
  std::vector<std::vector<int16_t>> parts_;  // of the weights of a depthwise convolution
  std::vector<int16_t> pairs_;               // the first of them as pairs of taps
  std::vector<std::vector<int16_t>> packed_;
  std::vector<double> doubles_;  // weights of a depthwise convolution
  std::vector<std::int64_t> sums_;
  WeightBounds bounds_;
};

}  // namespace

void bind_convolution(nb::module_& m) {
  using nb::arg;
  nb::class_<ConvolutionPlan>(m, "ConvolutionPlan",
                              "Weights packed for the shape of a convolution.")
      .def(nb::init<std::array<int, 4>, std::array<int, 3>, std::array<int, 3>, std::array<int, 3>,
                    std::array<int, 3>, std::array<int, 3>, std::array<int, 3>, nb::handle>(),
           arg("counts"), arg("size"), arg("kernel"), arg("stride"), arg("before"), arg("dilation"),
           arg("out"), arg("weights"))
      .def_prop_ro("positive", &ConvolutionPlan::positive)
      .def_prop_ro("negative", &ConvolutionPlan::negative)
      .def_prop_ro("norm", &ConvolutionPlan::norm)
      .def_prop_ro("nbytes", &ConvolutionPlan::nbytes)
      .def("squares", &ConvolutionPlan::squares, arg("x"))
      .def("narrow", &ConvolutionPlan::narrow, arg("x"), arg("out"), arg("stages"), arg("offset"))
      .def_prop_ro("whole", &ConvolutionPlan::whole)
      .def("doubles", &ConvolutionPlan::doubles, arg("x"), arg("out"), arg("stages"), arg("bits"))
      .def("wide", &ConvolutionPlan::wide, arg("x"), arg("out"), arg("stages"), arg("chunk_pairs"));
}

}  // namespace smartvm
