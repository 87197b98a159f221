// Division of 64-bit items by a divisor that does not change: one multiplication, made exact by
// division.py, which has the proof and makes the fields of a Divisor.
#pragma once
#include "common.cuh"

struct Divisor {
    u64 divisor;     // in [1, 2^64)
    u64 multiplier;  // 0: the divisor is 2^shift
    i64 shift;
};

/// |value|, up to 2^63.
DEVICE u64 magnitude_of(i64 value) { return value < 0 ? 0 - u64(value) : u64(value); }

DEVICE i64 with_sign_of(i64 value, u64 magnitude) {
    return i64(value < 0 ? 0 - magnitude : magnitude);
}

/// A number up to 2^63 over the divisor, rounded down.
DEVICE u64 quotient_of(u64 number, const Divisor& by) {
    const u64 product = by.multiplier ? __umul64hi(number, by.multiplier) : number;
    return product >> by.shift;
}

/// Any value over the divisor, truncated toward zero as SDIV does.
DEVICE i64 divide_truncated(i64 value, const Divisor& by) {
    return with_sign_of(value, quotient_of(magnitude_of(value), by));
}

/// A quotient rounded down, of which `rest` is left over: rounded to the nearest, ties to even.
DEVICE u64 rounded(u64 quotient, u64 rest, u64 divisor) {
    const u64 missing = divisor - rest;  // rest < divisor; twice the rest may exceed 64 bits
    return quotient + (rest > missing || (rest == missing && (quotient & 1)));
}

/// Any value over the divisor, to the nearest integer, ties to the even one.
DEVICE i64 divide_nearest(i64 value, const Divisor& by) {
    const u64 number = magnitude_of(value), quotient = quotient_of(number, by);
    return with_sign_of(value, rounded(quotient, number - quotient * by.divisor, by.divisor));
}
