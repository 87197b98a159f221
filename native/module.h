// What the files that bind kernels to Python share.
#pragma once

#include <nanobind/nanobind.h>

namespace smartvm {

void bind_isa(nanobind::module_& m);
void bind_threads(nanobind::module_& m);
void bind_peak(nanobind::module_& m);
void bind_convolution(nanobind::module_& m);
void bind_gemv(nanobind::module_& m);
void bind_elementwise(nanobind::module_& m);
void bind_pooling(nanobind::module_& m);
void bind_movement(nanobind::module_& m);
void bind_reduction(nanobind::module_& m);
void bind_packing(nanobind::module_& m);

}  // namespace smartvm
