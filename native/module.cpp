// The Python module of the native kernels. Shapes are checked and gas is paid by the caller.

#include <nanobind/nanobind.h>

namespace nb = nanobind;

NB_MODULE(_kernels, m) { m.doc() = "Exact integer kernels for the CPU."; }
