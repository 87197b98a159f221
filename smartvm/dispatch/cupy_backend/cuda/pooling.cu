// Pooling: the greatest cell of each window, or their average.
#include "pooling_windows.cuh"
#include "reduction_teams.cuh"

struct PoolArguments {
    const void* x;
    i64 x_bytes;
    void* out;
    i64 out_bytes;
    i64* slot;
    i64 count, team;  // windows; threads for each of them: 1 or 32
    PoolGeometry geometry;
};

/// Truncated as SDIV does it; in 32 bits where they hold both.
DEVICE i64 divided(i64 value, i64 count) {
    const u64 magnitude = value < 0 ? 0 - u64(value) : u64(value), by = u64(count);
    const bool is_short = (magnitude | by) >> 32 == 0;
    const u64 quotient = is_short ? u32(magnitude) / u32(by) : magnitude / by;
    return value < 0 ? i64(0 - quotient) : i64(quotient);
}

/// Let a team take the cells of each window in; `result` makes the item that is stored.
template <class Found, class Result>
DEVICE void pool(const PoolArguments& a, Result result) {
    const i64 number = team_number(a.team);
    const i32 lane = team_lane(a.team);
    const bool exists = number < a.count;
    const Window window(a.geometry, exists ? i32(number) : 0);
    Found found;
    if (exists)
        with_form(a.x, a.x_bytes, [&](auto* x) {
            window.each(a.geometry, lane, i32(a.team), [&](i32 cell) { found.take(x[cell], 0); });
        });
    assemble(found, i32(a.team));
    Bounds bounds;
    if (exists && lane == 0) {
        const i64 item = result(found.value, window);
        bounds.take(item);
        store(a.out, a.out_bytes, number, item);
    }
    measure(bounds, a.slot);
}

KERNEL(pool_max, PoolArguments) {
    pool<Greatest>(a, [](i64 value, const Window&) { return value; });
}

KERNEL(pool_average, PoolArguments) {
    pool<Sum>(a, [](i64 value, const Window& window) {
        return window.counted ? divided(value, window.counted) : 0;
    });
}
