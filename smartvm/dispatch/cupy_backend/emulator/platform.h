// What CUDA C++ has and C++ has not, for kernels that run on a CPU: threads are fibers.
//
// Blocks run one after the other. The threads of a block take turns, each until it ends or waits
// for others, in the order of their numbers, in the reverse or in a random one: a result that depends
// on the order is a race. Shared memory begins as garbage, and has as many bytes as the launch asks
// for. A barrier that a thread of the block (or lane of the warp) has left is reported, as a GPU might
// hang there.
#pragma once
#define EMULATED

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#define DEVICE inline
#define __device__
#define __restrict__ __restrict

struct uint3 {
    unsigned x, y, z;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};

inline uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

constexpr std::size_t STACK_BYTES = 64 << 10, MOST_THREADS = 1024, SHARED_BYTES = 228 << 10, GUARD = 1024;
constexpr unsigned WARP = 32;

/// A point where `members` threads wait for each other.
struct Barrier {
    unsigned members = 0, arrived = 0, generation = 0;
};

struct Fiber {
    jmp_buf place;
    std::unique_ptr<char[]> stack;
    bool done = true;
};

inline std::vector<Fiber> fibers(MOST_THREADS);
inline ucontext_t starting;
inline jmp_buf scheduled;
inline unsigned current;
inline bool progress;
inline std::size_t shared_bytes;  // of the launch
inline std::uint64_t order;      // 0: by number, 1: the reverse, else the seed of random ones
inline Barrier block_barrier, warp_barriers[MOST_THREADS / WARP];
inline std::uint64_t exchange[MOST_THREADS];
inline unsigned words[MOST_THREADS][16];
inline const std::function<void()>* body;
alignas(16) inline unsigned char shared[SHARED_BYTES + GUARD];

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "emulator: %s (block %u, thread %u)\n", what, blockIdx.x, current);
    std::abort();
}

/// Let the scheduler go on. Contexts are only made with ucontext: its switches are system calls.
inline void yield() {
    if (!_setjmp(fibers[current].place)) _longjmp(scheduled, 1);
}

inline void wait(Barrier& barrier) {
    const unsigned generation = barrier.generation;
    progress = true;
    if (++barrier.arrived == barrier.members) {
        barrier.arrived = 0;
        ++barrier.generation;
        return;
    }
    while (barrier.generation == generation) yield();
}

inline void warp_wait() { wait(warp_barriers[current / WARP]); }

inline void run_fiber() {
    for (;;) {
        yield();
        (*body)();
        fibers[current].done = progress = true;
    }
}

/// Let a thread run until it waits or ends.
inline void resume(unsigned thread) {
    if (!_setjmp(scheduled)) _longjmp(fibers[thread].place, 1);
}

/// Make the fibers up to a number, each waiting to run its first thread.
inline void make_fibers(unsigned threads) {
    static unsigned made = 0;
    for (; made < threads; ++made) {
        current = made;
        fibers[made].stack.reset(new char[STACK_BYTES]);
        getcontext(&starting);
        starting.uc_stack.ss_sp = fibers[made].stack.get();
        starting.uc_stack.ss_size = STACK_BYTES;
        makecontext(&starting, run_fiber, 0);
        if (!_setjmp(scheduled)) setcontext(&starting);
    }
}

/// The first `count` numbers in the order of this turn.
inline const std::vector<unsigned>& in_order(unsigned count) {
    static std::vector<unsigned> numbers;
    numbers.resize(count);
    std::iota(numbers.begin(), numbers.end(), 0u);
    if (order == 1) std::reverse(numbers.begin(), numbers.end());
    if (order > 1) std::shuffle(numbers.begin(), numbers.end(), std::minstd_rand(order++));
    return numbers;
}

inline void check_shared_memory() {
    const unsigned char* const guard = shared + shared_bytes;
    if (std::any_of(guard, guard + GUARD, [](unsigned char byte) { return byte != 0xa5; }))
        fail("more shared memory written than the launch asks for");
}

inline void run_block(unsigned threads) {
    std::memset(shared, 0xa5, shared_bytes + GUARD);
    block_barrier = {threads, 0, 0};
    for (unsigned warp = 0; warp * WARP < threads; ++warp)
        warp_barriers[warp] = {std::min(WARP, threads - warp * WARP), 0, 0};
    for (unsigned thread = 0; thread < threads; ++thread) fibers[thread].done = false;
    for (bool alive = true; alive;) {
        alive = progress = false;
        for (const unsigned thread : in_order(threads)) {
            current = thread;
            if (fibers[current].done) continue;
            threadIdx = {current, 0, 0};
            resume(current);
            alive |= !fibers[current].done;
        }
        if (alive && !progress) fail("a barrier that not all threads reach");
    }
    check_shared_memory();
}

inline void run(const unsigned* grid, unsigned threads, const std::function<void()>& kernel) {
    if (threads > MOST_THREADS) fail("too many threads in a block");
    make_fibers(threads);
    body = &kernel;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {threads, 1, 1};
    const unsigned blocks = grid[0] * grid[1] * grid[2];
    for (unsigned number = 0; number < blocks; ++number) {
        const unsigned block = order == 1 ? blocks - 1 - number : number;
        blockIdx = {block % grid[0], block / grid[0] % grid[1], block / grid[0] / grid[1]};
        run_block(threads);
    }
}

/// The value that another lane of the warp gives.
template <class T>
inline T shuffled(T value, unsigned lane) {
    static_assert(sizeof(T) <= 8);
    std::memcpy(&exchange[current], &value, sizeof(T));
    warp_wait();
    T found;
    std::memcpy(&found, &exchange[current / WARP * WARP + lane], sizeof(T));
    warp_wait();
    return found;
}

}  // namespace emulator

extern "C" void emulator_begin(std::size_t shared_bytes, std::uint64_t order) {
    emulator::shared_bytes = shared_bytes;
    emulator::order = order;
}

#define KERNEL(name, Arguments)                                                          \
    static void name##_body(const Arguments& a);                                         \
    extern "C" const std::size_t name##_bytes = sizeof(Arguments);                       \
    extern "C" void name(const unsigned* grid, unsigned threads, const void* arguments) { \
        const Arguments& a = *static_cast<const Arguments*>(arguments);                  \
        emulator::run(grid, threads, [&a] { name##_body(a); });                          \
    }                                                                                    \
    static void name##_body(const Arguments& a)

inline unsigned char* shared_memory() { return emulator::shared; }
inline void __syncthreads() { emulator::wait(emulator::block_barrier); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulator::warp_wait(); }

template <class T>
T __shfl_sync(unsigned, T value, int lane) {
    return emulator::shuffled(value, lane & 31);
}
template <class T>
T __shfl_down_sync(unsigned, T value, int distance) {
    const unsigned lane = emulator::current % 32;
    return emulator::shuffled(value, lane + distance < 32 ? lane + distance : lane);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    return emulator::shuffled(value, emulator::current % 32 ^ mask);
}

template <class T>
T atomicAdd(T* cell, T value) {
    const T before = *cell;
    *cell += value;
    return before;
}
template <class T>
T atomicMin(T* cell, T value) {
    const T before = *cell;
    if (value < before) *cell = value;
    return before;
}
template <class T>
T atomicMax(T* cell, T value) {
    const T before = *cell;
    if (value > before) *cell = value;
    return before;
}
template <class T>
T atomicOr(T* cell, T value) {
    const T before = *cell;
    *cell |= value;
    return before;
}

inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned __int128>(a) * b >> 64;
}
inline long long __mul64hi(long long a, long long b) { return static_cast<__int128>(a) * b >> 64; }
inline int __clzll(long long value) {
    return value ? __builtin_clzll(static_cast<unsigned long long>(value)) : 64;
}
inline int __clz(int value) { return value ? __builtin_clz(static_cast<unsigned>(value)) : 32; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
inline double rint(double a) { return __builtin_rint(a); }
inline double frexp(double a, int* exponent) { return __builtin_frexp(a, exponent); }
template <class T>
T __ldg(const T* cell) {
    return *cell;
}
