// Instruction sets: which the processor has, which is in use, and how a kernel is declared for
// each.
//
// A kernel's file is compiled once for each set, with SMARTVM_ISA as the name of its namespace and
// SMARTVM_ISA_avx512, SMARTVM_ISA_avx2 or SMARTVM_ISA_portable defined:
//
//   // sums.h            SMARTVM_KERNEL(void, sums, const Job& job, int part)
//   // sums.cpp          namespace smartvm::SMARTVM_ISA { void sums(const Job& job, int part) { … }
//   }
//   // sums_module.cpp   SMARTVM_CHOOSE(sums)(job, 0);
//
// Such a file keeps its helpers in an anonymous namespace and instantiates no templates of the
// standard library that are not inlined whole: the linker keeps one copy of those, and might keep
// the one that was compiled for a processor which this is not.
#pragma once

namespace smartvm {

enum class Isa { portable, avx2, avx512 };

// The set in use: the best that the processor has, unless `set_isa` has chosen another.
Isa isa();

}  // namespace smartvm

// The function of that name for an instruction set.
#ifdef SMARTVM_X86
#define SMARTVM_CHOOSE_FOR(set, name)                        \
  ((set) == ::smartvm::Isa::avx512 ? ::smartvm::avx512::name \
   : (set) == ::smartvm::Isa::avx2 ? ::smartvm::avx2::name   \
                                   : ::smartvm::portable::name)
#else
#define SMARTVM_CHOOSE_FOR(set, name) (static_cast<void>(set), ::smartvm::portable::name)
#endif

// The one for the set in use.
#define SMARTVM_CHOOSE(name) SMARTVM_CHOOSE_FOR(::smartvm::isa(), name)

#define SMARTVM_KERNEL(result, name, ...) \
  namespace smartvm::avx512 {             \
  result name(__VA_ARGS__);               \
  }                                       \
  namespace smartvm::avx2 {               \
  result name(__VA_ARGS__);               \
  }                                       \
  namespace smartvm::portable {           \
  result name(__VA_ARGS__);               \
  }
