#include "gemv.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "module.h"
#include "offset.h"
#include "stages.h"
#include "threads.h"
#include "weights.h"

namespace nb = nanobind;

namespace smartvm {
namespace {

constexpr long thread_items = 1 << 18;  // weights that are worth another thread
constexpr long byte_items = 1 << 20;    // weights that are worth a copy in bytes, if they fit

// A matrix of weights that is read as it is stored: (columns, inner).
class MatrixVectorPlan {
 public:
  MatrixVectorPlan(long rows, long inner, long columns, nb::object weights)
      : isa_(isa()), weights_(weights), held_(weights, Array::read) {
    job_.rows = rows;
    job_.inner = inner;
    job_.columns = columns;
    job_.weights = held_.items();
    for (long column = 0; column < columns; ++column)
      sums_.push_back(
          held_.item_bytes() == 2
              ? bounds_.include(isa_, static_cast<const int16_t*>(held_.data()) + column * inner,
                                inner)
              : bounds_.include(isa_, static_cast<const int32_t*>(held_.data()) + column * inner,
                                inner));
    shorten();
  }

  std::int64_t positive() const { return bounds_.positive; }
  std::int64_t negative() const { return bounds_.negative; }
  std::int64_t norm() const { return bounds_.norm; }
  std::size_t nbytes() const { return sizeof *this + sums_.size() * 8 + bytes_.size(); }

  // A bound of the sum of the squares of a row: none but the trivial one.
  std::int64_t squares(nb::handle) const { return INT64_MAX; }

  // In int32; None where the map less the offset does not fit int16.
  nb::object narrow(nb::handle x, nb::handle out, nb::sequence stages, int32_t offset) const {
    const Array from(x, Array::read);
    const Stages epilogue(out, stages, true);
    MatrixVector job = job_;
    job.epilogue = epilogue.epilogue();
    job.x = from.items();
    std::vector<int16_t> less;
    std::vector<int32_t> start;
    if (job.x.bytes != 2) {
      std::vector<Outlier> outliers;
      less.resize(static_cast<std::size_t>(job.x.count));
      subtract(isa_, job.x, offset, less.data(), outliers);
      if (!outliers.empty()) return nb::none();
      start = times(sums_, offset);
      job.x = {less.data(), 2, job.x.count};
      job.start = start.data();
    }
    if (!bytes_.empty()) job.weights = {bytes_.data(), 1, job.weights.count};
    return epilogue.found(run(job));
  }

  // In int32 each of two halves of the map, together in double.
  nb::list doubles(nb::handle x, nb::handle out, nb::sequence stages, int bits) const {
    const Array from(x, Array::read);
    const Stages epilogue(out, stages, true);
    MatrixVector job = job_;
    job.epilogue = epilogue.epilogue();
    job.x = from.items();
    const Halves halves(isa_, job.x, bits);
    job.half_bits = bits;
    for (int half = 0; half < 2; ++half) job.halves[half] = halves.of(half);
    if (!bytes_.empty()) job.weights = {bytes_.data(), 1, job.weights.count};
    return epilogue.found(run(job));
  }

  // In int64.
  nb::list wide(nb::handle x, nb::handle out, nb::sequence stages, int) const {
    const Array from(x, Array::read);
    const Stages epilogue(out, stages, true);
    MatrixVector job = job_;
    job.epilogue = epilogue.epilogue();
    job.x = from.items();
    job.wide = true;
    return epilogue.found(run(job));
  }

 private:
  // Keep the weights as bytes where all of them fit: there are half as many to read.
  void shorten() {
    if (job_.weights.bytes != 2 || job_.weights.count < byte_items) return;
    bytes_.resize(static_cast<std::size_t>(job_.weights.count));
    if (!SMARTVM_CHOOSE_FOR(isa_, fit_bytes)(static_cast<const int16_t*>(job_.weights.data),
                                             static_cast<long>(job_.weights.count), bytes_.data()))
      std::vector<int8_t>().swap(bytes_);
  }

  StageBounds run(MatrixVector& job) const {
    const auto kernel = SMARTVM_CHOOSE_FOR(isa_, matrix_vector);
    const long useful = static_cast<long>(job.weights.count) * job.rows / thread_items;
    job.parts = static_cast<int>(std::clamp<long>(std::min(useful, job.columns), 1, threads()));
    StageBounds bounds;
    if (job.parts == 1) {
      kernel(job, 0, bounds);
      return bounds;
    }
    const nb::gil_scoped_release released;
    std::vector<StageBounds> found(static_cast<std::size_t>(job.parts));
    parallel(job.parts,
             [&](int part) { kernel(job, part, found[static_cast<std::size_t>(part)]); });
    for (const StageBounds& other : found) bounds.include(other);
    return bounds;
  }

  const Isa isa_;
  nb::object weights_;
  Array held_;
  MatrixVector job_{};
  std::vector<std::int64_t> sums_;
  std::vector<int8_t> bytes_;
  WeightBounds bounds_;
};

}  // namespace

void bind_gemv(nb::module_& m) {
  using nb::arg;
  nb::class_<MatrixVectorPlan>(m, "MatrixVectorPlan", "A matrix for products with a few rows.")
      .def(nb::init<long, long, long, nb::object>(), arg("rows"), arg("inner"), arg("columns"),
           arg("weights"))
      .def_prop_ro("positive", &MatrixVectorPlan::positive)
      .def_prop_ro("negative", &MatrixVectorPlan::negative)
      .def_prop_ro("norm", &MatrixVectorPlan::norm)
      .def_prop_ro("nbytes", &MatrixVectorPlan::nbytes)
      .def("squares", &MatrixVectorPlan::squares, arg("x"))
      .def("narrow", &MatrixVectorPlan::narrow, arg("x"), arg("out"), arg("stages"), arg("offset"))
      .def_prop_ro("whole", [](const MatrixVectorPlan&) { return false; })
      .def("doubles", &MatrixVectorPlan::doubles, arg("x"), arg("out"), arg("stages"), arg("bits"))
      .def("wide", &MatrixVectorPlan::wide, arg("x"), arg("out"), arg("stages"),
           arg("chunk_pairs"));
}

}  // namespace smartvm
