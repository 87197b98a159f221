#include "isa.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "module.h"

namespace smartvm {
namespace {

const char* const names[] = {"portable", "avx2", "avx512"};

bool has(Isa set) {
#ifdef SMARTVM_X86
  __builtin_cpu_init();
  if (set == Isa::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (set == Isa::avx512)
    return has(Isa::avx2) && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
#endif
  return set == Isa::portable;
}

// Best first.
std::vector<Isa> available() {
  std::vector<Isa> sets;
  for (Isa set : {Isa::avx512, Isa::avx2, Isa::portable})
    if (has(set)) sets.push_back(set);
  return sets;
}

std::atomic<Isa> current{available().front()};

}  // namespace

Isa isa() { return current.load(std::memory_order_relaxed); }

void bind_isa(nanobind::module_& m) {
  m.def("isa", [] { return names[static_cast<int>(isa())]; }, "The instruction set in use.");
  m.def(
      "isas",
      [] {
        nanobind::list found;
        for (Isa set : available()) found.append(names[static_cast<int>(set)]);
        return found;
      },
      "The instruction sets that this processor has, the best first.");
  m.def(
      "set_isa",
      [](const char* name) {
        for (Isa set : available())
          if (std::string(name) == names[static_cast<int>(set)]) {
            current = set;
            return;
          }
        throw std::invalid_argument(std::string("not an instruction set of this processor: ") +
                                    name);
      },
      nanobind::arg("name"), "Use one of `isas()` from now on.");
}

}  // namespace smartvm
