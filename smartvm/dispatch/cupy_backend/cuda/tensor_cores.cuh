// Integer matrix instructions and asynchronous copies (sm_80 and later), each with a twin that the
// emulator runs.
#pragma once
#include "common.cuh"

/// Sixteen bytes, as one lane holds or copies them.
struct alignas(16) Bytes16 {
    u32 words[4];
};

/// Add the product of A (16 × 32 bytes) and B (32 × 8) to C (16 × 8), by all lanes of a warp.
///
/// Lane 4·g + t holds of A the rows g and g + 8 (words 0 and 1; words 2 and 3 lie 16 columns
/// further on), of B the column g, of C the columns 2t and 2t + 1 of row g, then those of row
/// g + 8. A word is four bytes of the inner axis. Which of its places those are does not matter as
/// long as A and B agree. Sums wrap modulo 2^32.
template <bool SIGNED_A, bool SIGNED_B>
DEVICE void multiply_add(i32 (&c)[4], const Bytes16& a, const uint2& b) {
#ifdef EMULATED
    u32* mine = emulator::words[emulator::current];
    for (int i = 0; i < 4; ++i) mine[i] = a.words[i];
    mine[4] = b.x;
    mine[5] = b.y;
    emulator::warp_wait();
    const u32 lane = emulator::current % 32, warp = emulator::current - lane;
    for (int i = 0; i < 4; ++i) {
        const u32 row = lane / 4 + 8 * (i / 2), column = lane % 4 * 2 + i % 2;
        for (u32 word = 0; word < 8; ++word) {
            const u32 left = emulator::words[warp + row % 8 * 4 + word % 4][row / 8 + word / 4 * 2];
            const u32 right = emulator::words[warp + column * 4 + word % 4][4 + word / 4];
            for (int shift = 0; shift < 32; shift += 8) {
                const i32 x = SIGNED_A ? i32(i8(left >> shift)) : i32(u8(left >> shift));
                const i32 y = SIGNED_B ? i32(i8(right >> shift)) : i32(u8(right >> shift));
                c[i] += x * y;
            }
        }
    }
    emulator::warp_wait();
#else
#define MULTIPLY_ADD(A, B)                                                                    \
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32." A "." B                             \
                 ".s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                  \
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])                              \
                 : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]),         \
                   "r"(b.x), "r"(b.y))
    if constexpr (SIGNED_A && SIGNED_B)
        MULTIPLY_ADD("s8", "s8");
    else if constexpr (SIGNED_A)
        MULTIPLY_ADD("s8", "u8");
    else if constexpr (SIGNED_B)
        MULTIPLY_ADD("u8", "s8");
    else
        MULTIPLY_ADD("u8", "u8");
#undef MULTIPLY_ADD
#endif
}

/// Start a copy of 16 aligned bytes to shared memory, of zeros where there is no source. `from` is
/// an address within the source's memory in any case.
DEVICE void copy_async(unsigned char* to, const unsigned char* from, bool exists) {
#ifdef EMULATED
    if (exists)
        std::memcpy(to, from, 16);
    else
        std::memset(to, 0, 16);
#else
    const u32 address = static_cast<u32>(__cvta_generic_to_shared(to));
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from),
                 "r"(exists ? 16 : 0)
                 : "memory");
#endif
}

/// Close the group of the copies that this thread has started since the last group.
DEVICE void close_copies() {
#ifndef EMULATED
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Wait for this thread's copies, but for those of the latest groups, so many.
template <int LATEST>
DEVICE void wait_for_copies() {
#ifndef EMULATED
    asm volatile("cp.async.wait_group %0;" ::"n"(LATEST) : "memory");
#endif
}
