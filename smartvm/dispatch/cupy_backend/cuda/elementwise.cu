// Kernels that take each item by itself.
#include "common.cuh"

struct ClipArguments {
    const void* x;
    i64 x_bytes;
    void* out;
    i64 out_bytes;
    i64* slot;
    i64 count, low, high;
};

/// Each item, at least `low` and at most `high`.
KERNEL(clip, ClipArguments) {
    Bounds bounds;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 value = load(a.x, a.x_bytes, i);
        const i64 result = value < a.low ? a.low : value > a.high ? a.high : value;
        bounds.take(result);
        store(a.out, a.out_bytes, i, result);
    }
    measure(bounds, a.slot);
}

struct CombineArguments {
    const void* x;
    i64 x_bytes;
    const void* terms;
    i64 term_bytes;
    void* out;
    i64 out_bytes;
    i64* slot;
    i64 count, channels, plane, multiply;
};

/// Each item plus, or times, the term of its channel.
KERNEL(combine, CombineArguments) {
    Bounds bounds;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 term = load(a.terms, a.term_bytes, i / a.plane % a.channels);
        const i64 value = load(a.x, a.x_bytes, i);
        const i64 result = a.multiply ? value * term : value + term;
        bounds.take(result);
        store(a.out, a.out_bytes, i, result);
    }
    measure(bounds, a.slot);
}
