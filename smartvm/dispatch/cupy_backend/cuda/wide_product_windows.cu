// Pooling and reduction modulo 2^256: a thread works out each result.
#include "pooling_windows.cuh"
#include "wide_division.cuh"

struct WidePoolArguments {
    const void* x;
    i64 x_bytes;
    Wide* out;
    i64 count;
    PoolGeometry geometry;
};

KERNEL(pool_max, WidePoolArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        Wide best;
        bool found = false;
        Window(a.geometry, i32(i)).each(a.geometry, 0, 1, [&](i32 cell) {
            const Wide item = load_wide(a.x, a.x_bytes, cell);
            if (!found || is_less(best, item)) best = item;
            found = true;
        });
        a.out[i] = best;
    }
}

KERNEL(pool_average, WidePoolArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const Window window(a.geometry, i32(i));
        Wide sum;
        window.each(a.geometry, 0, 1,
                    [&](i32 cell) { sum.add(load_wide(a.x, a.x_bytes, cell)); });
        a.out[i] = window.counted ? quotient(sum, Wide(window.counted), false) : sum;
    }
}

struct WideReduceArguments {
    const void* x;
    i64 x_bytes;
    Wide* out;
    i64 count, axis, inner;
    i64 least, keeps_first, wants_index;  // which one is wanted: 0 or 1
};

KERNEL(sum, WideReduceArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 start = i / a.inner * a.axis * a.inner + i % a.inner;
        Wide sum;
        for (i64 k = 0; k < a.axis; ++k) sum.add(load_wide(a.x, a.x_bytes, start + k * a.inner));
        a.out[i] = sum;
    }
}

KERNEL(extreme, WideReduceArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 start = i / a.inner * a.axis * a.inner + i % a.inner;
        Wide best;
        i64 index = -1;
        for (i64 k = 0; k < a.axis; ++k) {
            const Wide found = load_wide(a.x, a.x_bytes, start + k * a.inner);
            const Wide item = found.inverted(a.least);
            if (index < 0 || is_less(best, item) || (!a.keeps_first && !is_less(item, best)))
                best = item, index = k;
        }
        a.out[i] = a.wants_index ? Wide(index) : best.inverted(a.least);
    }
}
