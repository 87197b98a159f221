// Items taken to other places: strided views, parts joined, rows looked up.
#include "wide_product.cuh"

constexpr int MOST_AXES = 8;

/// An axis with its steps, in items, and what divides numbers below 2^31 by its length:
/// n / length = n · magic >> shift.
struct Axis {
    i64 length, magic, shift, x_step, out_step;

    DEVICE i64 divide(i64 number) const { return number * magic >> shift; }
};

struct MoveArguments {
    const void* x;
    i64 x_bytes;
    void* out;
    i64 out_bytes;
    i64* slot;
    i64 count, x_start, out_start, axes;
    Axis axis[MOST_AXES];  // the last one counts fastest
};

/// Where an item comes from, and where it goes.
struct Route {
    i64 from, to;

    DEVICE Route(const MoveArguments& a, i64 number) : from(a.x_start), to(a.out_start) {
#pragma unroll
        for (int i = MOST_AXES - 1; i >= 0; --i) {
            if (i >= a.axes) continue;
            const Axis& axis = a.axis[i];
            const i64 rest = axis.divide(number), index = number - rest * axis.length;
            from += index * axis.x_step;
            to += index * axis.out_step;
            number = rest;
        }
    }
};

/// Each item at some indices to the same indices of another map.
KERNEL(move, MoveArguments) {
    Bounds bounds;
    with_form(a.x, a.x_bytes, [&](auto* x) {
        for (i64 i = first(); i < a.count; i += step()) {
            const Route route(a, i);
            const i64 value = x[route.from];
            bounds.take(value);
            store(a.out, a.out_bytes, route.to, value);
        }
    });
    measure(bounds, a.slot);
}

struct GatherArguments {
    const void* x;
    i64 x_bytes;
    void* out;
    i64 out_bytes;
    i64* slot;
    i64 count, rows;
    const void* indices;
    i64 index_bytes;
    Axis columns;
};

/// Which item of the data an item of the result is; the first where its index names no row.
DEVICE i64 looked_up(const GatherArguments& a, i64 number) {
    const i64 row = a.columns.divide(number), column = number - row * a.columns.length;
    const i64 index = load(a.indices, a.index_bytes, row);
    const i64 from = index < 0 ? index + a.rows : index;
    return from >= 0 && from < a.rows ? from * a.columns.length + column : 0;
}

/// For each index that row of the data, a negative one counted from the end.
KERNEL(gather, GatherArguments) {
    Bounds bounds;
    with_form(a.x, a.x_bytes, [&](auto* x) {
        for (i64 i = first(); i < a.count; i += step()) {
            const i64 value = x[looked_up(a, i)];
            bounds.take(value);
            store(a.out, a.out_bytes, i, value);
        }
    });
    measure(bounds, a.slot);
}

/// The same two of wide items, or into them; bounds are measured afterwards.
KERNEL(move_wide, MoveArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        const Route route(a, i);
        static_cast<Wide*>(a.out)[route.to] = load_wide(a.x, a.x_bytes, route.from);
    }
}

KERNEL(gather_wide, GatherArguments) {
    for (i64 i = first(); i < a.count; i += step())
        static_cast<Wide*>(a.out)[i] = load_wide(a.x, a.x_bytes, looked_up(a, i));
}
