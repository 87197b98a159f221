#include "movement.h"

#include <cstring>

#include "forms.h"

namespace smartvm::SMARTVM_ISA {
namespace {

template <class T>
void copy_row(const T* from, std::int64_t stride, T* to, std::int64_t count) {
  if (stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
  } else if (stride == 0) {
    const T item = *from;
    for (std::int64_t i = 0; i < count; ++i) to[i] = item;
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
  }
}

// The index of each row of a view, and where the row starts in the map.
class Rows {
 public:
  Rows(const View& job, std::int64_t row) : job_(job), start_(job.offset) {
    for (int axis = job.axes - 2; axis >= 0; --axis) {
      index_[axis] = row % job.dims[axis];
      row /= job.dims[axis];
      start_ += index_[axis] * job.strides[axis];
    }
  }

  std::int64_t start() const { return start_; }

  void next() {
    for (int axis = job_.axes - 2; axis >= 0; --axis) {
      start_ += job_.strides[axis];
      if (++index_[axis] < job_.dims[axis]) return;
      start_ -= job_.dims[axis] * job_.strides[axis];
      index_[axis] = 0;
    }
  }

 private:
  const View& job_;
  std::int64_t index_[8] = {};
  std::int64_t start_;
};

template <class T>
Bounds view_rows(const View& job, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(job.x.data);
  const std::int64_t count = job.dims[job.axes - 1], stride = job.strides[job.axes - 1];
  T* out = static_cast<T*>(job.out) + begin * count;
  Trail<T> trail(out);
  Rows rows(job, begin);
  for (std::int64_t row = begin; row < end; ++row, rows.next()) {
    copy_row(x + rows.start(), stride, out, count);
    trail.reach(out += count);
  }
  return trail.finish(out);
}

template <class T, class Out>
void place_rows(const Place& job, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(job.x.data);
  for (std::int64_t row = begin; row < end; ++row) {
    const T* from = x + row * job.row;
    Out* to = static_cast<Out*>(job.out) + job.start + row * job.pitch;
    for (std::int64_t i = 0; i < job.row; ++i) to[i] = from[i];
  }
}

template <class T, class Index>
Bounds gather_rows(const Gather& job, std::int64_t begin, std::int64_t end) {
  const std::int64_t columns = job.columns, rows = job.data.count / columns;
  const Index* indices = static_cast<const Index*>(job.indices.data);
  const T* data = static_cast<const T*>(job.data.data);
  T* out = static_cast<T*>(job.out) + begin * columns;
  Trail<T> trail(out);
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t index = indices[i] + (indices[i] < 0 ? rows : 0);
    copy_row(data + index * columns, 1, out, columns);
    trail.reach(out += columns);
  }
  return trail.finish(out);
}

}  // namespace

Bounds view(const View& job, std::int64_t begin, std::int64_t end) {
  Bounds bounds;
  with_form(job.x.bytes, [&](auto form) { bounds = view_rows<decltype(form)>(job, begin, end); });
  return bounds;
}

void place(const Place& job, std::int64_t begin, std::int64_t end) {
  with_form(job.x.bytes, [&](auto form) {
    using T = decltype(form);
    with_form(job.out_bytes, [&](auto out) {
      using Out = decltype(out);
      if constexpr (sizeof(Out) >= sizeof(T)) place_rows<T, Out>(job, begin, end);
    });
  });
}

Bounds gather(const Gather& job, std::int64_t begin, std::int64_t end) {
  Bounds bounds;
  with_form(job.data.bytes, [&](auto form) {
    using T = decltype(form);
    with_form(job.indices.bytes, [&](auto index) {
      bounds = gather_rows<T, decltype(index)>(job, begin, end);
    });
  });
  return bounds;
}

}  // namespace smartvm::SMARTVM_ISA
