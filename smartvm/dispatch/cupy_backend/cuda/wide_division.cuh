// Quotients of 256-bit numbers, bit by bit.
#pragma once
#include "wide_product.cuh"

/// Whether a is below b, both unsigned.
DEVICE bool is_below(const Wide& a, const Wide& b) {
    bool below = false;
#pragma unroll
    for (int i = 0; i < 4; ++i)
        below = a.words[i] < b.words[i] || (a.words[i] == b.words[i] && below);
    return below;
}

DEVICE Wide difference(const Wide& a, Wide b) {
    b.negate();
    b.add(a);
    return b;
}

/// Twice the number, and a bit.
DEVICE void shift_in(Wide& number, u64 bit) {
#pragma unroll
    for (int i = 3; i > 0; --i) number.words[i] = number.words[i] << 1 | number.words[i - 1] >> 63;
    number.words[0] = number.words[0] << 1 | bit;
}

/// Replace an unsigned number by its quotient, rounded down; the divisor is in [1, 2^255].
/// Returns what is left over.
DEVICE Wide divide_unsigned(Wide& number, const Wide& divisor) {
    int bits = 256;
    for (; bits > 64 && !number.words[3]; bits -= 64) {
#pragma unroll
        for (int i = 3; i > 0; --i) number.words[i] = number.words[i - 1];
        number.words[0] = 0;
    }
    Wide rest;
    for (; bits; --bits) {  // the number leaves at the top, the quotient comes in below
        shift_in(rest, number.words[3] >> 63);
        const bool fits = !is_below(rest, divisor);
        if (fits) rest = difference(rest, divisor);
        shift_in(number, fits);
    }
    return rest;
}

/// value over a divisor other than 0, modulo 2^256: truncated as SDIV does, or to the nearest
/// integer, ties to the even one.
DEVICE Wide quotient(Wide value, Wide divisor, bool nearest) {
    const bool negative = value.is_negative() != divisor.is_negative();
    if (value.is_negative()) value.negate();
    if (divisor.is_negative()) divisor.negate();
    const Wide rest = divide_unsigned(value, divisor), missing = difference(divisor, rest);
    const bool is_tie = !is_below(rest, missing) && !is_below(missing, rest);
    if (nearest && (is_below(missing, rest) || (is_tie && (value.words[0] & 1)))) value.add(1);
    if (negative) value.negate();
    return value;
}
