// The Python module of the native kernels. Shapes are checked and gas is paid by the caller.

#include "module.h"

NB_MODULE(_kernels, m) {
  // Caches hold compiled plans until the process ends; that is no leak to warn of.
  nanobind::set_leak_warnings(false);
  m.doc() = "Exact integer kernels for the CPU.";
  m.attr("interface") = SMARTVM_INTERFACE;
  smartvm::bind_isa(m);
  smartvm::bind_threads(m);
  smartvm::bind_peak(m);
  smartvm::bind_convolution(m);
  smartvm::bind_gemv(m);
  smartvm::bind_elementwise(m);
  smartvm::bind_pooling(m);
  smartvm::bind_movement(m);
  smartvm::bind_reduction(m);
  smartvm::bind_packing(m);
}
