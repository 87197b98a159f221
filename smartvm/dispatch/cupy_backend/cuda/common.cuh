// What all kernels share: items in their forms, the loop over a grid, and exact bounds.
//
// Each .cu file is a module of its own. A kernel takes one struct of 64-bit fields by value. It works in 64 bits (`wide.cuh`: 256), under
// a proof that its caller has made, measures the exact bounds of its results before it stores them,
// and stores them in the form that it was given, truncated. The caller looks at the bounds and
// runs it again in a wider form where that lost something.
//
// The same source is compiled for a GPU, by NVRTC, and for a CPU, by the emulator (emulator/), which
// defines what CUDA C++ has and C++ has not. So it includes nothing, keeps shared memory in the one
// array `shared_memory()`, and leaves instructions that only a GPU has to tensor_cores.cuh.
#pragma once

typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

#ifndef EMULATED
#define KERNEL(name, Arguments) extern "C" __global__ void name(const Arguments a)
#define DEVICE __device__ __forceinline__

DEVICE unsigned char* shared_memory() {
    extern __shared__ uint4 shared_words[];  // aligned to 16 bytes
    return reinterpret_cast<unsigned char*>(shared_words);
}
#endif

constexpr i64 LEAST = -0x7fffffffffffffffLL - 1, GREATEST = 0x7fffffffffffffffLL;

/// The number of this thread in the grid, and how many there are.
DEVICE i64 first() { return i64(blockIdx.x) * blockDim.x + threadIdx.x; }
DEVICE i64 step() { return i64(gridDim.x) * blockDim.x; }

/// The item at an index of a map whose items have 2, 4 or 8 bytes.
DEVICE i64 load(const void* items, i64 bytes, i64 index) {
    if (bytes == 2) return static_cast<const i16*>(items)[index];
    if (bytes == 4) return static_cast<const i32*>(items)[index];
    return static_cast<const i64*>(items)[index];
}

/// Write an item, truncated to 2, 4 or 8 bytes.
DEVICE void store(void* items, i64 bytes, i64 index, i64 value) {
    if (bytes == 2)
        static_cast<i16*>(items)[index] = i16(value);
    else if (bytes == 4)
        static_cast<i32*>(items)[index] = i32(value);
    else
        static_cast<i64*>(items)[index] = value;
}

/// Call `function` with the items as a pointer to what they are, of 2, 4 or 8 bytes.
template <class Function>
DEVICE void with_form(const void* items, i64 bytes, Function function) {
    if (bytes == 2)
        function(static_cast<const i16*>(items));
    else if (bytes == 4)
        function(static_cast<const i32*>(items));
    else
        function(static_cast<const i64*>(items));
}

/// The least and the greatest of some values; of none (GREATEST, LEAST).
struct Bounds {
    i64 low = GREATEST, high = LEAST;

    DEVICE void take(i64 value) {
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
};

/// Widen the bounds in a slot by those of each thread. All threads of the block must come here.
DEVICE void measure(Bounds bounds, i64* slot) {
    for (int distance = 16; distance; distance >>= 1) {
        const i64 low = __shfl_down_sync(0xffffffffu, bounds.low, distance);
        const i64 high = __shfl_down_sync(0xffffffffu, bounds.high, distance);
        bounds.low = low < bounds.low ? low : bounds.low;
        bounds.high = high > bounds.high ? high : bounds.high;
    }
    if ((threadIdx.x & 31) == 0 && bounds.low <= bounds.high) {
        // Slots only widen: what a look finds wide enough, however old, needs no atomic.
        const volatile i64* seen = slot;
        if (bounds.low < seen[0]) atomicMin(slot, bounds.low);
        if (bounds.high > seen[1]) atomicMax(slot + 1, bounds.high);
    }
}
