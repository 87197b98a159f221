// 256-bit two's complement numbers, modulo 2^256, as kernels that sum or compare them need them.
#pragma once
#include "common.cuh"

struct Wide {
    u64 words[4];  // the lowest first, as a wide map has them

    DEVICE Wide(i64 value = 0) {
        words[0] = u64(value);
        words[1] = words[2] = words[3] = value < 0 ? ~0ull : 0;
    }

    DEVICE bool is_negative() const { return i64(words[3]) < 0; }

    DEVICE Wide inverted(bool invert) const {
        Wide found = *this;
        for (u64& word : found.words) word = invert ? ~word : word;
        return found;
    }

    DEVICE void add(const Wide& other) {
        u64 carry = 0;
        for (int i = 0; i < 4; ++i) {
            const u64 sum = words[i] + other.words[i], whole = sum + carry;
            carry = (sum < words[i]) + (whole < sum);
            words[i] = whole;
        }
    }

    DEVICE void negate() {
        *this = inverted(true);
        add(Wide(1));
    }

    DEVICE void add_product(const Wide& a, const Wide& b) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            u64 carry = 0;
#pragma unroll
            for (int j = 0; j < 4 - i; ++j) {
                const u64 low = a.words[i] * b.words[j], sum = words[i + j] + low;
                const u64 whole = sum + carry;
                carry = __umul64hi(a.words[i], b.words[j]) + (sum < low) + (whole < sum);
                words[i + j] = whole;
            }
        }
    }
};

DEVICE bool is_less(const Wide& a, const Wide& b) {
    if (a.words[3] != b.words[3]) return i64(a.words[3]) < i64(b.words[3]);
    for (int i = 2; i >= 0; --i)
        if (a.words[i] != b.words[i]) return a.words[i] < b.words[i];
    return false;
}

/// The item at an index of a map whose items have 2, 4, 8 or 32 bytes.
DEVICE Wide load_wide(const void* items, i64 bytes, i64 index) {
    return bytes == sizeof(Wide) ? static_cast<const Wide*>(items)[index]
                                 : Wide(load(items, bytes, index));
}
