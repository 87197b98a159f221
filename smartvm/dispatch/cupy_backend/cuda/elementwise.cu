// Kernels that take each item by itself. A thread takes four neighbours at a time.
#include "division.cuh"

constexpr int FOUR = 4;

struct Output {
    void* items;
    i64 bytes;
    i64* slot;
};

/// Four items from an index that is a multiple of four, or those of them below `count`; else 0.
DEVICE void load_four(const void* items, i64 bytes, i64 index, i64 count, i64 (&values)[FOUR]) {
    if (index + FOUR > count) {
        for (int k = 0; k < FOUR; ++k)
            values[k] = index + k < count ? load(items, bytes, index + k) : 0;
    } else if (bytes == 2) {
        const uint2 pairs = static_cast<const uint2*>(items)[index / FOUR];
        values[0] = i16(pairs.x), values[1] = i16(pairs.x >> 16);
        values[2] = i16(pairs.y), values[3] = i16(pairs.y >> 16);
    } else if (bytes == 4) {
        const int4 four = static_cast<const int4*>(items)[index / FOUR];
        values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
    } else {
#pragma unroll
        for (int k = 0; k < FOUR; k += 2) {
            const uint4 two = static_cast<const uint4*>(items)[(index + k) / 2];
            values[k] = i64(u64(two.y) << 32 | two.x);
            values[k + 1] = i64(u64(two.w) << 32 | two.z);
        }
    }
}

DEVICE void store_four(const Output& out, i64 index, i64 count, const i64 (&values)[FOUR]) {
    if (index + FOUR > count) {
        for (int k = 0; k < FOUR && index + k < count; ++k)
            store(out.items, out.bytes, index + k, values[k]);
    } else if (out.bytes == 2) {
        static_cast<uint2*>(out.items)[index / FOUR] = {
            u32(u16(values[0])) | u32(u16(values[1])) << 16,
            u32(u16(values[2])) | u32(u16(values[3])) << 16};
    } else if (out.bytes == 4) {
        static_cast<int4*>(out.items)[index / FOUR] = {
            i32(values[0]), i32(values[1]), i32(values[2]), i32(values[3])};
    } else {
#pragma unroll
        for (int k = 0; k < FOUR; k += 2)
            static_cast<uint4*>(out.items)[(index + k) / 2] = {
                u32(values[k]), u32(u64(values[k]) >> 32), u32(values[k + 1]),
                u32(u64(values[k + 1]) >> 32)};
    }
}

/// Replace four items at a time, `replace(values, index of the first)`, and store them.
template <class Function>
DEVICE void each_four(
    const void* x, i64 x_bytes, const Output& out, i64 count, Function replace) {
    Bounds bounds;
    for (i64 index = first() * FOUR; index < count; index += step() * FOUR) {
        i64 values[FOUR];
        load_four(x, x_bytes, index, count, values);
        replace(values, index);
#pragma unroll
        for (int k = 0; k < FOUR; ++k)
            if (index + k < count) bounds.take(values[k]);
        store_four(out, index, count, values);
    }
    measure(bounds, out.slot);
}

/// The same for a function of one item.
template <class Function>
DEVICE void each(const void* x, i64 x_bytes, const Output& out, i64 count, Function result) {
    each_four(x, x_bytes, out, count, [&](i64 (&values)[FOUR], i64) {
#pragma unroll
        for (int k = 0; k < FOUR; ++k) values[k] = result(values[k]);
    });
}

struct ClipArguments {
    const void* x;
    i64 x_bytes;
    Output out;
    i64 count, low, high;
};

/// Each item, at least `low` and at most `high`.
KERNEL(clip, ClipArguments) {
    each(a.x, a.x_bytes, a.out, a.count, [&](i64 value) {
        return value < a.low ? a.low : value > a.high ? a.high : value;
    });
}

struct MultiplyArguments {
    const void* x;
    i64 x_bytes;
    Output out;
    i64 count, factor;
};

/// Each item times a factor.
KERNEL(multiply, MultiplyArguments) {
    each(a.x, a.x_bytes, a.out, a.count, [&](i64 value) { return i64(u64(value) * a.factor); });
}

struct DivideArguments {
    const void* x;
    i64 x_bytes;
    Output out;
    i64 count, nearest;
    Divisor divisor;
};

/// Each item over a divisor.
KERNEL(divide, DivideArguments) {
    each(a.x, a.x_bytes, a.out, a.count, [&](i64 value) {
        return a.nearest ? divide_nearest(value, a.divisor) : divide_truncated(value, a.divisor);
    });
}

struct ReluArguments {
    const void* x;
    i64 x_bytes;
    Output out;
    i64 count, cap, numerator;
    Divisor denominator;
};

/// Items below 0 times a ratio, truncated; the others, at most `cap`.
KERNEL(relu, ReluArguments) {
    each(a.x, a.x_bytes, a.out, a.count, [&](i64 value) {
        if (value >= 0) return value > a.cap ? a.cap : value;
        return a.numerator ? divide_truncated(i64(u64(value) * a.numerator), a.denominator) : 0;
    });
}

struct CombineArguments {
    const void* x;
    i64 x_bytes;
    const void* terms;
    i64 term_bytes;
    Output out;
    i64 count, channels, plane;
    Divisor by_plane, by_channels;
};

/// The terms of four items from an index: those of their channels.
DEVICE void load_terms(const CombineArguments& a, i64 index, i64 (&terms)[FOUR]) {
    if (a.channels == a.count) return load_four(a.terms, a.term_bytes, index, a.count, terms);
    const u64 row = quotient_of(index, a.by_plane);
    i64 cell = index - i64(row) * a.plane;
    i64 channel = i64(row - quotient_of(row, a.by_channels) * a.channels);
    i64 term = load(a.terms, a.term_bytes, channel);
#pragma unroll
    for (int k = 0; k < FOUR; ++k) {
        terms[k] = term;
        if (++cell < a.plane) continue;
        cell = 0;
        channel = channel + 1 < a.channels ? channel + 1 : 0;
        term = load(a.terms, a.term_bytes, channel);
    }
}

template <class Function>
DEVICE void combine(const CombineArguments& a, Function result) {
    each_four(a.x, a.x_bytes, a.out, a.count, [&](i64 (&values)[FOUR], i64 index) {
        i64 terms[FOUR];
        load_terms(a, index, terms);
#pragma unroll
        for (int k = 0; k < FOUR; ++k) values[k] = result(values[k], terms[k]);
    });
}

/// Each item plus the term of its channel.
KERNEL(add, CombineArguments) {
    combine(a, [](i64 value, i64 term) { return i64(u64(value) + u64(term)); });
}

/// Each item times the term of its channel.
KERNEL(multiply_by, CombineArguments) {
    combine(a, [](i64 value, i64 term) { return i64(u64(value) * u64(term)); });
}

/// The quotient rounded down, as a 32-bit division where that is enough.
DEVICE u64 quotient_of(u64 number, u64 divisor) {
    return (number | divisor) >> 32 ? number / divisor : u32(number) / u32(divisor);
}

/// A quotient of magnitudes; a divisor of 0, which stands only beside items that do not exist or
/// in a replay that is void, counts as 1.
template <bool NEAREST>
DEVICE i64 divided(i64 value, i64 term) {
    const u64 number = magnitude_of(value), divisor = term ? magnitude_of(term) : 1;
    u64 found = quotient_of(number, divisor);
    if (NEAREST) found = rounded(found, number - found * divisor, divisor);
    return with_sign_of(value ^ term, found);
}

/// Each item over the term of its channel, truncated.
KERNEL(divide_by, CombineArguments) { combine(a, divided<false>); }

/// Each item over the term of its channel, to the nearest integer, ties to the even one.
KERNEL(divide_by_nearest, CombineArguments) { combine(a, divided<true>); }
