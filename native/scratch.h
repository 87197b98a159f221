// Memory that a kernel works in, kept by each thread that calls kernels, for the next call.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace smartvm {

class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { std::free(memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // At least `bytes`, at a multiple of 64; what was there before is lost.
  char* take(std::size_t bytes) {
    if (bytes > size_) {
      std::free(memory_);
      size_ = 0;
      memory_ = std::malloc(bytes + alignment);
      if (!memory_) throw std::bad_alloc();
      size_ = bytes;
    }
    const auto address = reinterpret_cast<std::size_t>(memory_);
    return static_cast<char*>(memory_) + (alignment - address % alignment);
  }

  // Give back what is more than a kernel usually needs.
  void trim() {
    if (size_ <= kept) return;
    std::free(memory_);
    memory_ = nullptr;
    size_ = 0;
  }

 private:
  static constexpr std::size_t alignment = 64, kept = std::size_t(16) << 20;
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace smartvm
