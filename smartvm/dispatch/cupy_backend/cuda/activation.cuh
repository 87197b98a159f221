// Correct rounding from float64: what the kernels of activation.cu and function.cu share.
//
// The operations are those of numpy_backend/activation.py and function.py in their order: +, -, *, /
// and rounding to an integer, which IEEE 754 fixes, each rounded for itself (no contraction into
// fused ones). So the error bounds of docs/activations.md hold here. What they leave undecided is
// marked, for the host to settle.
#pragma once
#include "common.cuh"

constexpr i64 GRID = 64;                       // tabulated powers and error functions a unit
constexpr i64 CUTOFF = 64;                     // e^-64 shows in no result
constexpr double ROUNDING = 1.0 / (1LL << 53); // the relative error of one operation

/// Where rounded results go.
struct Results {
    void* out;
    i64 out_bytes;
    i64* slot;    // the bounds of the results that are decided
    u8* marks;    // of each item: whether it is undecided
    i64* doubts;  // a slot that stays empty where no item is undecided
};

/// What a thread has written.
struct Written {
    Bounds results, doubts;

    DEVICE void put(const Results& to, i64 index, i64 value, bool decided) {
        if (decided)
            results.take(value);
        else
            doubts.take(1);
        to.marks[index] = !decided;
        store(to.out, to.out_bytes, index, value);
    }

    /// All threads of the block must come here.
    DEVICE void finish(const Results& to) {
        measure(results, to.slot);
        measure(doubts, to.doubts);
    }
};

/// The integer nearest an item, and whether an error of that size could lead to another one.
DEVICE bool rounds(double item, double error, i64& nearest) {
    const double whole = rint(item);
    nearest = i64(whole);
    return (item < whole ? whole - item : item - whole) + error < 0.5;
}

DEVICE i64 magnitude(i64 value) { return value < 0 ? -value : value; }

/// An item of 2, 4, 8 or 32 bytes, cut to [-limit, limit].
DEVICE i64 load_clipped(const void* items, i64 bytes, i64 index, i64 limit) {
    i64 value;
    if (bytes == 32) {
        const i64* words = static_cast<const i64*>(items) + 4 * index;
        const i64 sign = words[3] < 0 ? -1 : 0;
        const bool fits = words[1] == sign && words[2] == sign && words[3] == sign;
        value = fits && (words[0] < 0) == (sign < 0) ? words[0] : sign < 0 ? LEAST : GREATEST;
    } else {
        value = load(items, bytes, index);
    }
    return value < -limit ? -limit : value > limit ? limit : value;
}

/// Exponentials with a relative error below 2.1 roundings.
struct Powers {
    const double* grid;  // e^(-i/GRID) for i = 0 ... CUTOFF * GRID
    i64 scale;
    double density, unit;

    DEVICE Powers(const double* grid, i64 scale)
        : grid(grid), scale(scale), density(GRID / double(scale)), unit(double(GRID * scale)) {}

    /// e^(-distance/scale), distance at most CUTOFF * scale <= 2^52.
    DEVICE double of(i64 distance) const {
        const i64 index = i64(rint(double(distance) * density));
        const double exponent = double(index * scale - distance * GRID) / unit;
        double growth = exponent * (1.0 / 720);
        growth = (growth + 1.0 / 120) * exponent;
        growth = (growth + 1.0 / 24) * exponent;
        growth = (growth + 1.0 / 6) * exponent;
        growth = (growth + 1.0 / 2) * exponent;
        growth = (growth + 1.0) * exponent;
        const double power = grid[index];
        return power + growth * power;
    }
};
