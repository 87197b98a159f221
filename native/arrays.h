// What the files that bind the item kernels to Python share: the memory of arrays, and threads.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "items.h"
#include "threads.h"

namespace smartvm {

// The memory of anything that has the buffer protocol, held as long as this lives. What is only
// read may have gaps: then it is a copy.
class Array {
 public:
  enum Access { read, write };

  Array(nanobind::handle object, Access access) {
    if (PyObject_GetBuffer(object.ptr(), &view_, access == write ? PyBUF_WRITABLE : PyBUF_SIMPLE)) {
      if (access == write) throw nanobind::python_error();
      PyErr_Clear();
      adopt_copy(object);
    }
  }
  ~Array() { PyBuffer_Release(&view_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  void* data() const { return view_.buf; }
  int item_bytes() const { return static_cast<int>(view_.itemsize); }
  std::int64_t nbytes() const { return view_.len; }
  Items items() const { return {view_.buf, item_bytes(), view_.len / view_.itemsize}; }

 private:
  void adopt_copy(nanobind::handle object) {
    const auto copy = nanobind::steal(PyMemoryView_GetContiguous(object.ptr(), PyBUF_READ, 'C'));
    if (!copy.is_valid() || PyObject_GetBuffer(copy.ptr(), &view_, PyBUF_SIMPLE))
      throw nanobind::python_error();
  }

  Py_buffer view_;
};

// The least and the greatest as Python has them: (0, 0) of no items.
inline nanobind::tuple as_tuple(const Bounds& bounds) {
  if (bounds.low > bounds.high) return nanobind::make_tuple(0, 0);
  return nanobind::make_tuple(bounds.low, bounds.high);
}

constexpr std::int64_t grain = 1 << 16;  // bytes that are worth another thread
constexpr int most_parts = 64;

// work(begin, end) on [0, count), cut where `count` and the threads say, without Python's lock where
// that is worth it; the bounds of all. A unit of the count stands for `unit` bytes.
template <class Work>
Bounds in_parts(std::int64_t count, std::int64_t unit, const Work& work) {
  const std::int64_t bytes = count * unit;
  if (bytes < grain) return work(std::int64_t(0), count);
  const nanobind::gil_scoped_release released;
  const std::int64_t useful = bytes / grain < count ? bytes / grain : count;
  const int limit = threads() < most_parts ? threads() : most_parts;
  const int parts = useful < limit ? static_cast<int>(useful) : limit;
  Bounds found[most_parts];
  parallel(parts, [&](int part) {
    found[part] = work(count * part / parts, count * (part + 1) / parts);
  });
  for (int part = 1; part < parts; ++part) found[0].include(found[part]);
  return found[0];
}

}  // namespace smartvm
