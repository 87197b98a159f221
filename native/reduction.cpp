#include "reduction.h"

#include "forms.h"

namespace smartvm::SMARTVM_ISA {
namespace {

template <class Out>
struct Sum {
  static Out combine(Out a, Out b) { return static_cast<Out>(a + b); }
};

template <class Out>
struct Greatest {
  static Out combine(Out a, Out b) { return greater(a, b); }
};

template <class Out>
struct Least {
  static Out combine(Out a, Out b) { return lesser(a, b); }
};

// (axis, inner) items to `inner` results.
template <class Kind, class T, class Out>
void reduce_axis(const T* x, std::int64_t axis, std::int64_t inner, Out* out) {
  if (inner == 1) {
    Out result = x[0];
    for (std::int64_t i = 1; i < axis; ++i) result = Kind::combine(result, x[i]);
    *out = result;
    return;
  }
  for (std::int64_t column = 0; column < inner; ++column) out[column] = x[column];
  for (std::int64_t i = 1; i < axis; ++i) {
    const T* row = x + i * inner;
    for (std::int64_t column = 0; column < inner; ++column)
      out[column] = Kind::combine(out[column], row[column]);
  }
}

// Whether an item takes the place of the best before it.
template <class Kind, class T>
bool beats(T item, T best, bool last) {
  return item == best ? last : Kind::combine(item, best) == item;
}

// The indices of the extremes of (axis, inner) items, row by row, as many columns at a time as keep
// their extremes in the cache.
template <class Kind, class T>
void index_axis(const T* x, std::int64_t axis, std::int64_t inner, bool last, std::int64_t* out) {
  constexpr std::int64_t block = 512;
  T best[block];
  for (std::int64_t start = 0; start < inner; start += block) {
    const std::int64_t count = lesser(block, inner - start);
    for (std::int64_t column = 0; column < count; ++column) {
      best[column] = x[start + column];
      out[start + column] = 0;
    }
    for (std::int64_t i = 1; i < axis; ++i) {
      const T* row = x + i * inner + start;
      for (std::int64_t column = 0; column < count; ++column) {
        const bool better = beats<Kind>(row[column], best[column], last);
        best[column] = better ? row[column] : best[column];
        out[start + column] = better ? i : out[start + column];
      }
    }
  }
}

// The index of an item among `count`, of which it is one: the first, or the last.
template <class T>
std::int64_t index_in(const T* x, std::int64_t count, T item, bool last) {
  constexpr std::int64_t block = 1024;
  const std::int64_t blocks = (count + block - 1) / block;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t start = (last ? blocks - 1 - i : i) * block;
    const std::int64_t end = lesser(count, start + block);
    int found = 0;
    for (std::int64_t j = start; j < end; ++j) found += x[j] == item;
    if (found == 0) continue;
    std::int64_t j = last ? end - 1 : start;
    while (x[j] != item) j += last ? -1 : 1;
    return j;
  }
  return 0;
}

template <class Kind, class T, class Out>
Bounds reduce_all(const Reduction& job, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(job.x.data);
  Out* const out = static_cast<Out*>(job.out);
  for (std::int64_t i = begin; i < end; ++i)
    reduce_axis<Kind>(x + i * job.axis * job.inner, job.axis, job.inner, out + i * job.inner);
  return bounds_of(out + begin * job.inner, (end - begin) * job.inner);
}

template <class Kind, class T>
Bounds index_all(const Reduction& job, std::int64_t begin, std::int64_t end) {
  const T* x = static_cast<const T*>(job.x.data);
  std::int64_t* const out = static_cast<std::int64_t*>(job.out);
  for (std::int64_t i = begin; i < end; ++i) {
    const T* items = x + i * job.axis * job.inner;
    if (job.inner == 1) {
      T best;
      reduce_axis<Kind>(items, job.axis, 1, &best);
      out[i] = index_in(items, job.axis, best, job.last);
    } else {
      index_axis<Kind>(items, job.axis, job.inner, job.last, out + i * job.inner);
    }
  }
  return bounds_of(out + begin * job.inner, (end - begin) * job.inner);
}

template <class T>
Bounds reduce_form(const Reduction& job, std::int64_t begin, std::int64_t end) {
  switch (job.kind) {
    case Reduced::greatest:
      return reduce_all<Greatest<T>, T, T>(job, begin, end);
    case Reduced::least:
      return reduce_all<Least<T>, T, T>(job, begin, end);
    case Reduced::index_of_greatest:
      return index_all<Greatest<T>, T>(job, begin, end);
    case Reduced::index_of_least:
      return index_all<Least<T>, T>(job, begin, end);
    case Reduced::sum:
      break;
  }
  if constexpr (sizeof(T) < 8)
    if (job.out_bytes == 4)
      return reduce_all<Sum<std::int32_t>, T, std::int32_t>(job, begin, end);
  return reduce_all<Sum<std::int64_t>, T, std::int64_t>(job, begin, end);
}

}  // namespace

Bounds reduce(const Reduction& job, std::int64_t begin, std::int64_t end) {
  Bounds bounds;
  with_form(job.x.bytes, [&](auto form) {
    bounds = reduce_form<decltype(form)>(job, begin, end);
  });
  return bounds;
}

}  // namespace smartvm::SMARTVM_ISA
