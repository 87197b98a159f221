// Correctly rounded exponential, logarithm, square root and error function.
//
// An item that a kernel cannot take, or for which the function is not defined, is left undecided.
#include "activation.cuh"

struct FunctionArguments {
    const void* x;
    i64 x_bytes;
    Results to;
    i64 count, scale;
    const double* table;
};

constexpr double MOST = double(1LL << 60);  // stands for any result beyond it, always undecided

/// Within four roundings of the result. `table` is that of `Powers`.
KERNEL(exponential, FunctionArguments) {
    const Powers powers(a.table, a.scale);
    const double scale = double(a.scale);
    const i64 limit = CUTOFF * a.scale;  // the result of the limit is beyond MOST, so undecided
    Written written;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 value = load_clipped(a.x, a.x_bytes, i, limit);
        const double power = powers.of(magnitude(value));
        const double result = value > 0 ? scale / power : scale * power;
        const double item = result < MOST ? result : MOST;
        i64 nearest;
        const bool decided = rounds(item, item * (4 * ROUNDING), nearest);
        written.put(a.to, i, nearest, decided);
    }
    written.finish(a.to);
}

constexpr i64 LOG_GRID = 128;

/// Within 180 roundings of the scale. `table` has ln(i/128) from i = 64 to 128.
KERNEL(logarithm, FunctionArguments) {
    const double scale = double(a.scale), negative_ln_half = -a.table[LOG_GRID / 2];
    Written written;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 value = load(a.x, a.x_bytes, i);
        int exponent;
        const double fraction = frexp(double(value > 0 ? value : 1) / scale, &exponent);
        const double index = rint(fraction * LOG_GRID), point = index / LOG_GRID;
        const double rest = (fraction - point) / point;
        double total = rest * (1.0 / 7);
        total = (total - 1.0 / 6) * rest;
        total = (total + 1.0 / 5) * rest;
        total = (total - 1.0 / 4) * rest;
        total = (total + 1.0 / 3) * rest;
        total = (total - 1.0 / 2) * rest;
        total = (total + 1.0) * rest;
        const double logarithm = exponent * negative_ln_half + a.table[i64(index)] + total;
        i64 nearest;
        const bool decided = rounds(logarithm * scale, 180 * ROUNDING * scale, nearest);
        written.put(a.to, i, nearest, decided && value > 0);
    }
    written.finish(a.to);
}

constexpr i64 SATURATION = 7, POINTS = SATURATION * GRID + 1;
constexpr int TERMS = 8;

/// Within three roundings of the scale. `table` has Taylor's coefficients, (TERMS, POINTS).
KERNEL(error_function, FunctionArguments) {
    const double scale = double(a.scale), density = GRID / scale, unit = double(GRID * a.scale);
    Written written;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 value = load_clipped(a.x, a.x_bytes, i, SATURATION * a.scale);
        const i64 index = i64(rint(double(magnitude(value)) * density));
        const double rest = double(magnitude(value) * GRID - index * a.scale) / unit;
        double total = a.table[(TERMS - 1) * POINTS + index] * rest;
        for (int term = TERMS - 2; term; --term)
            total = (total + a.table[term * POINTS + index]) * rest;
        total += a.table[index];
        i64 nearest;
        const bool decided =
            rounds((value < 0 ? -total : total) * scale, 3 * ROUNDING * scale, nearest);
        written.put(a.to, i, nearest, decided);
    }
    written.finish(a.to);
}

constexpr i64 LARGEST_SQUARE = (1LL << 62) - 1;

/// Exact: the integer below a root of float64 is the right one, or off by one next to a square.
KERNEL(square_root, FunctionArguments) {
    const i64 most = LARGEST_SQUARE / a.scale;
    Written written;
    for (i64 i = first(); i < a.count; i += step()) {
        const i64 value = load(a.x, a.x_bytes, i);
        const bool defined = value >= 0 && value <= most;
        const i64 square = defined ? value * a.scale : 0;
        i64 root = i64(__dsqrt_rn(double(square)));
        root += square - root * root > root;
        written.put(a.to, i, root, defined);
    }
    written.finish(a.to);
}
