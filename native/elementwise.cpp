#include "elementwise.h"

#include "divider.h"
#include "forms.h"

namespace smartvm::SMARTVM_ISA {
namespace {

// Items [begin, end) as runs that lie in one channel each: use(start, length, channel). Where the
// plane is one item, as runs of successive channels, of which `channel` is the first.
template <class Use>
void each_run(std::int64_t begin, std::int64_t end, std::int64_t channels, std::int64_t plane,
              Use use) {
  const std::int64_t extent = plane == 1 ? channels : plane;
  for (std::int64_t start = begin; start < end;) {
    const std::int64_t run = start / extent, stop = lesser(end, (run + 1) * extent);
    use(start, stop - start, plane == 1 ? start % channels : run % channels);
    start = stop;
  }
}

template <class T>
std::int64_t item(const Items& items, std::int64_t index) {
  return static_cast<const T*>(items.data)[index];
}

std::int64_t item(const Items& items, std::int64_t index) {
  std::int64_t value = 0;
  with_form(items.bytes, [&](auto form) { value = item<decltype(form)>(items, index); });
  return value;
}

template <bool product, class Sum>
Sum combined(Sum a, Sum b) {
  return static_cast<Sum>(product ? a * b : a + b);
}

template <bool product, class Sum, class A, class Out, class Other>
void combine_run(const A* x, Other other, Out* out, std::int64_t count, Bounds& bounds) {
  Sum low = combined<product>(static_cast<Sum>(x[0]), static_cast<Sum>(other(0))), high = low;
  for (std::int64_t i = 0; i < count; ++i) {
    const Sum sum = combined<product>(static_cast<Sum>(x[i]), static_cast<Sum>(other(i)));
    low = lesser(low, sum);
    high = greater(high, sum);
    out[i] = static_cast<Out>(sum);
  }
  Bounds run;
  run.low = low;
  run.high = high;
  bounds.include(run);
}

template <bool product, class Sum, class A, class B, class Out>
Bounds combine_runs(const Combine& job, std::int64_t begin, std::int64_t end) {
  const A* x = static_cast<const A*>(job.x.data);
  const B* y = static_cast<const B*>(job.y.data);
  Out* out = static_cast<Out*>(job.out);
  Bounds bounds;
  each_run(begin, end, job.y.count, job.plane, [&](auto start, auto count, auto channel) {
    const B* terms = y + channel;
    if (job.plane == 1) {
      combine_run<product, Sum>(
          x + start, [=](auto i) { return terms[i]; }, out + start, count, bounds);
    } else {
      const B term = *terms;
      combine_run<product, Sum>(
          x + start, [=](auto) { return term; }, out + start, count, bounds);
    }
  });
  return bounds;
}

template <bool product>
Bounds combine_forms(const Combine& job, std::int64_t begin, std::int64_t end) {
  Bounds bounds;
  with_form(job.x.bytes, [&](auto a) {
    using A = decltype(a);
    with_form(job.y.bytes, [&](auto b) {
      using B = decltype(b);
      with_form(job.sum_bytes, [&](auto sum) {
        using Sum = decltype(sum);
        with_form(job.out_bytes, [&](auto out) {
          using Out = decltype(out);
          constexpr auto widest = greater(sizeof(A), sizeof(B));
          if constexpr (sizeof(Sum) >= widest &&
                        (sizeof(Out) == widest || sizeof(Out) == sizeof(Sum)))
            bounds = combine_runs<product, Sum, A, B, Out>(job, begin, end);
        });
      });
    });
  });
  return bounds;
}

// By the processor's own division, of 32 bits where that will do: it is quicker.
template <class U>
std::int64_t one_quotient(std::int64_t value, std::int64_t divisor, bool nearest) {
  const U magnitude = static_cast<U>(value < 0 ? -value : value);
  const U over = static_cast<U>(divisor < 0 ? -divisor : divisor);
  U result = magnitude / over;
  if (nearest) {
    const U remainder = magnitude - result * over;
    result += remainder + (result & 1) > over - remainder;
  }
  const auto found = static_cast<std::int64_t>(result);
  return (value < 0) != (divisor < 0) ? -found : found;
}

template <class U, class A, class Out>
void divide_items(const A* x, const DivideBy& job, std::int64_t channel, Out* out,
                  std::int64_t count) {
  with_form(job.y.bytes, [&](auto form) {
    const auto* divisors = static_cast<const decltype(form)*>(job.y.data) + channel;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t over = divisors[job.plane == 1 ? i : 0];
      out[i] = static_cast<Out>(one_quotient<U>(x[i], over, job.nearest));
    }
  });
}

template <bool nearest, class A, class Out>
void divide_run(const A* x, const Divider<Unsigned<A>>& divider, Out* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    out[i] = static_cast<Out>(quotient<nearest>(x[i], divider));
}

template <class A, class Out>
void divide_all(const A* x, std::uint64_t divisor, bool nearest, Out* out, std::int64_t count) {
  const Divider<Unsigned<A>> divider(divisor);
  nearest ? divide_run<true>(x, divider, out, count) : divide_run<false>(x, divider, out, count);
}

template <class T>
void negate(T* items, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) items[i] = static_cast<T>(-items[i]);
}

// One channel's run: by a multiplication, unless the divisor is 1 or beyond what x can hold.
template <class A, class Out>
void divide_plane(const A* x, std::int64_t divisor, bool nearest, Out* out, std::int64_t count) {
  const auto over = static_cast<std::uint64_t>(divisor < 0 ? -divisor : divisor);
  if (over == 1) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<Out>(x[i]);
  } else if (sizeof(A) < 8 && over >> 8 * (sizeof(A) % 8)) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = 0;
  } else {
    divide_all(x, over, nearest, out, count);
  }
  if (divisor < 0) negate(out, count);
}

template <class A, class Out>
Bounds divide_runs(const DivideBy& job, std::int64_t begin, std::int64_t end) {
  const A* x = static_cast<const A*>(job.x.data);
  Out* out = static_cast<Out*>(job.out);
  Trail<Out> trail(out + begin);
  const bool short_words = sizeof(A) < 8 && job.y.bytes < 8;
  // A divider costs about as much as ten divisions.
  const bool by_item = job.plane < 16;
  each_run(begin, end, job.y.count, job.plane, [&](auto start, auto count, auto channel) {
    if (!by_item)
      divide_plane(x + start, item(job.y, channel), job.nearest, out + start, count);
    else if (short_words)
      divide_items<std::uint32_t>(x + start, job, channel, out + start, count);
    else
      divide_items<std::uint64_t>(x + start, job, channel, out + start, count);
    trail.reach(out + start + count);
  });
  return trail.finish(out + end);
}

template <class Product, class A, class Out>
void leaky_run(const A* x, Out* out, const Leaky& job, std::int64_t count) {
  using U = Unsigned<Product>;
  const Divider<U> divider(job.denominator);
  const U numerator = static_cast<U>(job.numerator);
  const Product cap = static_cast<Product>(job.cap);
  for (std::int64_t i = 0; i < count; ++i) {
    const Product value = x[i];
    const U magnitude = static_cast<U>(0) - static_cast<U>(value);
    const auto below =
        static_cast<Product>(-static_cast<Product>(divider.truncated(magnitude * numerator)));
    out[i] = static_cast<Out>(value < 0 ? below : lesser(value, cap));
  }
}

}  // namespace

Bounds combine(const Combine& job, std::int64_t begin, std::int64_t end) {
  return job.product ? combine_forms<true>(job, begin, end) : combine_forms<false>(job, begin, end);
}

Bounds divide_by(const DivideBy& job, std::int64_t begin, std::int64_t end) {
  Bounds bounds;
  with_form(job.x.bytes, [&](auto a) {
    using A = decltype(a);
    with_form(job.out_bytes, [&](auto out) {
      bounds = divide_runs<A, decltype(out)>(job, begin, end);
    });
  });
  return bounds;
}

void multiply(const Multiply& job, std::int64_t begin, std::int64_t end) {
  with_form(job.x.bytes, [&](auto a) {
    using A = decltype(a);
    with_form(job.out_bytes, [&](auto form) {
      using Out = decltype(form);
      const A* x = static_cast<const A*>(job.x.data);
      Out* out = static_cast<Out*>(job.out);
      const Out factor = static_cast<Out>(job.factor);
      for (std::int64_t i = begin; i < end; ++i) out[i] = static_cast<Out>(x[i] * factor);
    });
  });
}

void divide(const Divide& job, std::int64_t begin, std::int64_t end) {
  with_form(job.x.bytes, [&](auto a) {
    using A = decltype(a);
    with_form(job.out_bytes, [&](auto form) {
      using Out = decltype(form);
      if constexpr (sizeof(Out) <= sizeof(A))
        divide_all(static_cast<const A*>(job.x.data) + begin, job.divisor, job.nearest,
                   static_cast<Out*>(job.out) + begin, end - begin);
    });
  });
}

void clip(const Clip& job, std::int64_t begin, std::int64_t end) {
  with_form(job.x.bytes, [&](auto a) {
    using A = decltype(a);
    with_form(job.out_bytes, [&](auto form) {
      using Out = decltype(form);
      if constexpr (sizeof(Out) <= sizeof(A)) {
        const A* x = static_cast<const A*>(job.x.data);
        Out* out = static_cast<Out*>(job.out);
        const A low = static_cast<A>(job.low), high = static_cast<A>(job.high);
        for (std::int64_t i = begin; i < end; ++i)
          out[i] = static_cast<Out>(lesser(greater(x[i], low), high));
      }
    });
  });
}

void leaky(const Leaky& job, std::int64_t begin, std::int64_t end) {
  with_form(job.x.bytes, [&](auto a) {
    using A = decltype(a);
    const A* x = static_cast<const A*>(job.x.data) + begin;
    with_form(job.out_bytes, [&](auto form) {
      using Out = decltype(form);
      Out* out = static_cast<Out*>(job.out) + begin;
      if constexpr (sizeof(A) < 8 && sizeof(Out) < 8) {
        if (job.product_bytes == 4) return leaky_run<std::int32_t>(x, out, job, end - begin);
      }
      leaky_run<std::int64_t>(x, out, job, end - begin);
    });
  });
}

}  // namespace smartvm::SMARTVM_ISA
