// Sums, extremes and their indices along an axis.
#include "reduction_teams.cuh"

struct ReduceArguments {
    const void* x;
    i64 x_bytes;
    void* out;
    i64 out_bytes;
    i64* slot;
    i64 count, axis, inner, team;  // of results; threads for each of them
    i64 flip;   // −1 where the least item is wanted: ~v is the greatest of all ~v
    i64 order;  // −1 where the first of equal items is wanted, for the same reason
    i64 wants_index;
};

/// Let a team take all items of a result in.
template <class Found>
DEVICE Found reduced(const ReduceArguments& a, i64 number) {
    const i64 lane = team_lane(a.team);
    Found found;
    if (number < a.count)
        with_form(a.x, a.x_bytes, [&](auto* x) {
            const i64 outer = u32(number) / u32(a.inner), column = number - outer * a.inner;
            const auto* items = x + outer * a.axis * a.inner + column;
            for (i64 k = lane; k < a.axis; k += a.team)
                found.take(i64(items[k * a.inner]) ^ a.flip, k ^ a.order);
        });
    assemble(found, i32(a.team));
    return found;
}

/// Store a result, and measure it.
DEVICE void finish(const ReduceArguments& a, i64 number, i64 result) {
    Bounds bounds;
    if (number < a.count && team_lane(a.team) == 0) {
        bounds.take(result);
        store(a.out, a.out_bytes, number, result);
    }
    measure(bounds, a.slot);
}

KERNEL(sum, ReduceArguments) {
    const i64 number = team_number(a.team);
    finish(a, number, reduced<Sum>(a, number).value);
}

KERNEL(extreme, ReduceArguments) {
    const i64 number = team_number(a.team);
    const Greatest found = reduced<Greatest>(a, number);
    finish(a, number, a.wants_index ? found.index ^ a.order : found.value ^ a.flip);
}
