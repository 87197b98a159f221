// The epilogue as Python hands it over, and the bounds as it gets them back.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <stdexcept>

#include "arrays.h"
#include "epilogue.h"

namespace smartvm {

// Stages are tuples (kind, items or None, number, nearest, shift); the arrays are held meanwhile.
class Stages {
 public:
  Stages(nanobind::handle out, nanobind::sequence stages, bool by_lane)
      : out_(out, Array::write), epilogue_{{}, 0, out_.data(), out_.item_bytes(), by_lane} {
    for (nanobind::handle stage : stages) add(nanobind::borrow<nanobind::tuple>(stage));
  }

  const Epilogue& epilogue() const { return epilogue_; }

  // (low, high) of the sums, then of each stage that moves items in their order; (0, 0) of others.
  nanobind::list found(const StageBounds& bounds) const {
    nanobind::list result;
    for (int i = 0; i <= epilogue_.count; ++i) result.append(as_tuple(bounds.of[i]));
    return result;
  }

 private:
  void add(const nanobind::tuple& stage) {
    if (epilogue_.count == most_stages) throw std::length_error("too many stages");
    Stage& to = epilogue_.stages[epilogue_.count++];
    to.kind = static_cast<Stage::Kind>(nanobind::cast<int>(stage[0]));
    if (!stage[1].is_none())
      to.items = items_[epilogue_.count - 1].emplace(stage[1], Array::read).items();
    to.number = nanobind::cast<std::int64_t>(stage[2]);
    to.nearest = nanobind::cast<bool>(stage[3]);
    to.shift = nanobind::cast<int>(stage[4]);
    to.reciprocal = to.number ? 1.0 / static_cast<double>(to.number) : 0;
  }

  Array out_;
  Epilogue epilogue_;
  std::optional<Array> items_[most_stages];
};

}  // namespace smartvm
