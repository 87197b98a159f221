// Correctly rounded softmax, sigmoid and tanh.
#include "activation.cuh"

struct LogisticArguments {
    const void* x;
    i64 x_bytes;
    Results to;
    i64 count, scale, factor, tie;
    const double* grid;
};

/// Sigmoid (factor 1) or tanh (factor 2). `tie` is what the function of 0 lacks to the scale.
KERNEL(logistic, LogisticArguments) {
    const Powers powers(a.grid, a.scale);
    const double top = double(a.factor * a.scale);
    const i64 limit = CUTOFF * a.scale / a.factor, offset = a.factor == 2 ? a.scale : 0;
    Written written;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 value = load_clipped(a.x, a.x_bytes, i, limit);
        const double power = powers.of(a.factor * magnitude(value));
        const double item = top * power / (1 + power);
        i64 tail;
        bool decided = rounds(item, item * (8 * ROUNDING), tail);
        if (value == 0) {
            tail = a.tie;
            decided = true;
        }
        written.put(a.to, i, value > 0 ? a.scale - tail : tail - offset, decided);
    }
    written.finish(a.to);
}

struct SoftmaxArguments {
    const void* x;
    i64 x_bytes;
    Results to;
    i64 rows, group, scale, equal;
    const double* grid;
};

struct Sum {
    DEVICE double operator()(double a, double b) const { return a + b; }
};
struct Least {
    DEVICE i64 operator()(i64 a, i64 b) const { return a < b ? a : b; }
};
struct Greatest {
    DEVICE i64 operator()(i64 a, i64 b) const { return a > b ? a : b; }
};

/// Threads that work on a row together: a warp.
struct Warp {
    i64 lane, lanes;

    DEVICE Warp() : lane(threadIdx.x & 31), lanes(32) {}

    /// The values of all its threads, put together.
    template <class T, class Join>
    DEVICE T all(T value, Join join) const {
        for (int mask = 16; mask; mask >>= 1)
            value = join(value, __shfl_xor_sync(0xffffffffu, value, mask));
        return value;
    }
};

/// Threads that work on a row together: a block, with shared memory of 8 bytes a warp.
struct Block {
    i64 lane, lanes;

    DEVICE Block() : lane(threadIdx.x), lanes(blockDim.x) {}

    template <class T, class Join>
    DEVICE T all(T value, Join join) const {
        T* of_warps = reinterpret_cast<T*>(shared_memory());
        value = Warp().all(value, join);
        if ((lane & 31) == 0) of_warps[lane >> 5] = value;
        __syncthreads();
        value = of_warps[0];
        for (int warp = 1; warp < lanes >> 5; ++warp) value = join(value, of_warps[warp]);
        __syncthreads();  // before the next use of the memory
        return value;
    }
};

/// The softmax of a row. The sum's order follows the team, and no error bound depends on it.
template <class Team>
DEVICE void softmax_row(const SoftmaxArguments& a, const Team& team, i64 row, Written& written) {
    const i64 begin = row * a.group;
    Bounds bounds;
    for (i64 i = team.lane; i < a.group; i += team.lanes)
        bounds.take(load(a.x, a.x_bytes, begin + i));
    const i64 low = team.all(bounds.low, Least()), high = team.all(bounds.high, Greatest());

    const Powers powers(a.grid, a.scale);
    // The difference of two items fits u64, and modulo 2^64 it is exact.
    const auto power = [&](i64 i) {
        const u64 distance = u64(high) - u64(load(a.x, a.x_bytes, begin + i));
        return powers.of(distance < u64(CUTOFF * a.scale) ? i64(distance) : CUTOFF * a.scale);
    };
    double sum = 0;
    for (i64 i = team.lane; i < a.group; i += team.lanes) sum += power(i);
    sum = team.all(sum, Sum());

    const double error = double(a.group + 8) * ROUNDING;
    for (i64 i = team.lane; i < a.group; i += team.lanes) {
        const double item = power(i) * double(a.scale) / sum;
        i64 nearest;
        const bool decided = rounds(item, item * error, nearest);
        written.put(a.to, begin + i, low == high ? a.equal : nearest, decided || low == high);
    }
}

/// The softmax of each row, a warp for each. `equal` is that of a row of equal items.
KERNEL(softmax_warps, SoftmaxArguments) {
    Written written;
    for (i64 row = first() / 32; row < a.rows; row += step() / 32)
        softmax_row(a, Warp(), row, written);
    written.finish(a.to);
}

/// The softmax of each row, a block for each.
KERNEL(softmax_blocks, SoftmaxArguments) {
    Written written;
    for (i64 row = blockIdx.x; row < a.rows; row += gridDim.x)
        softmax_row(a, Block(), row, written);
    written.finish(a.to);
}

struct PatchArguments {
    const i64* indices;
    const i64* values;
    void* out;
    i64 out_bytes, count;
};

/// Put each value at its index.
KERNEL(patch, PatchArguments) {
    for (i64 i = first(); i < a.count; i += step())
        store(a.out, a.out_bytes, a.indices[i], a.values[i]);
}
