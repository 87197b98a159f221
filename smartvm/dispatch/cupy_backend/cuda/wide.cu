// Kernels that take each item by itself, in 256 bits; the bounds of wide items, and narrowing.
#include "wide_division.cuh"

enum : i64 { ADD, MULTIPLY, DIVIDE, DIVIDE_NEAREST };

struct CombineArguments {
    const void* x;
    i64 x_bytes;
    const void* terms;
    i64 term_bytes;
    Wide* out;
    i64 count, channels, plane, operation;
};

/// Each item plus, times or over the term of its channel, modulo 2^256.
KERNEL(combine, CombineArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const Wide term = load_wide(a.terms, a.term_bytes, i / a.plane % a.channels);
        Wide value = load_wide(a.x, a.x_bytes, i), product;
        if (a.operation == ADD)
            value.add(term);
        else if (a.operation == MULTIPLY)
            product.add_product(value, term);
        else
            value = quotient(value, term, a.operation == DIVIDE_NEAREST);
        a.out[i] = a.operation == MULTIPLY ? product : value;
    }
}

struct ClipArguments {
    const void* x;
    i64 x_bytes;
    Wide* out;
    i64 count;
    Wide low, high;
};

/// Each item, at least `low` and at most `high`.
KERNEL(clip, ClipArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const Wide value = load_wide(a.x, a.x_bytes, i);
        a.out[i] = is_less(value, a.low) ? a.low : is_less(a.high, value) ? a.high : value;
    }
}

struct ReluArguments {
    const void* x;
    i64 x_bytes;
    Wide* out;
    i64 count;
    Wide cap, numerator, denominator;
};

/// Items below 0 times a ratio, the product modulo 2^256; the others, at most `cap`.
KERNEL(relu, ReluArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const Wide value = load_wide(a.x, a.x_bytes, i);
        Wide found = is_less(a.cap, value) ? a.cap : value;
        if (value.is_negative()) {
            found = Wide(0);
            found.add_product(value, a.numerator);
            found = quotient(found, a.denominator, false);
        }
        a.out[i] = found;
    }
}

struct BoundsArguments {
    const Wide* items;
    Wide* found;  // the least and the greatest of each block
    i64 count;
};

/// The bounds of what each block looks at: at least one item.
KERNEL(bounds, BoundsArguments) {
    Wide* lows = reinterpret_cast<Wide*>(shared_memory());
    Wide* highs = lows + blockDim.x;
    const int thread = threadIdx.x;
    Wide low = a.items[first() < a.count ? first() : a.count - 1], high = low;
    for (i64 i = first(); i < a.count; i += step()) {
        const Wide value = a.items[i];
        if (is_less(value, low)) low = value;
        if (is_less(high, value)) high = value;
    }
    lows[thread] = low;
    highs[thread] = high;
    for (int half = blockDim.x / 2; half; half /= 2) {  // blocks are a power of two
        __syncthreads();
        if (thread >= half) continue;
        if (is_less(lows[thread + half], lows[thread])) lows[thread] = lows[thread + half];
        if (is_less(highs[thread], highs[thread + half])) highs[thread] = highs[thread + half];
    }
    if (thread == 0) {
        a.found[2 * blockIdx.x] = lows[0];
        a.found[2 * blockIdx.x + 1] = highs[0];
    }
}

struct NarrowArguments {
    const Wide* items;
    void* out;
    i64 out_bytes, count;
};

/// Wide items that 64 bits hold, in a narrower form.
KERNEL(narrow, NarrowArguments) {
    for (i64 i = first(); i < a.count; i += step())
        store(a.out, a.out_bytes, i, i64(a.items[i].words[0]));
}
