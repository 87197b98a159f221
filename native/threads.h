// A small pool of threads for parts of a kernel, whose number and limits the kernel fixes.
#pragma once

namespace smartvm {

// Most threads that a kernel runs on, the caller's included.
int threads();

// Run work(part, context) for each part in [0, parts), on at most `threads()` threads, the caller's
// among them. Returns when all are done. The work must not throw, and no result may depend on the
// order of the parts or on who runs them. Where the pool is in use by another call, the caller does
// all the parts.
void run_parts(int parts, void (*work)(int part, void* context), void* context);

template <class Work>
void parallel(int parts, Work&& work) {
  if (parts == 1) return work(0);
  run_parts(parts, [](int part, void* context) { (*static_cast<Work*>(context))(part); }, &work);
}

}  // namespace smartvm
