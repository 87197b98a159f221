// Teams: threads, next to each other, that work out one result together.
//
// A team is one thread, a warp, or a block. What a thread finds has `merge`, which takes in what
// another has found in any order, and `below`, what the thread some lanes further has found.
#pragma once
#include "common.cuh"

/// The number of this thread's team: one thread, a warp or a block, so many threads.
DEVICE i64 team_number(i64 team) {
    return team == 1 ? first() : team == 32 ? first() >> 5 : i64(blockIdx.x);
}

/// The number of this thread in its team.
DEVICE i32 team_lane(i64 team) { return i32(threadIdx.x & u32(team - 1)); }

struct Sum {
    i64 value = 0;

    DEVICE void take(i64 item, i64) { value += item; }
    DEVICE void merge(const Sum& other) { value += other.value; }
    DEVICE Sum below(int distance) const {
        return {__shfl_down_sync(0xffffffffu, value, distance)};
    }
};

/// The greatest item, and among equal ones that of the greatest index.
struct Greatest {
    i64 value = LEAST, index = LEAST;

    DEVICE void take(i64 item, i64 at) {
        if (item > value || (item == value && at > index)) value = item, index = at;
    }
    DEVICE void merge(const Greatest& other) { take(other.value, other.index); }
    DEVICE Greatest below(int distance) const {
        return {__shfl_down_sync(0xffffffffu, value, distance),
                __shfl_down_sync(0xffffffffu, index, distance)};
    }
};

/// Give the first thread of each team what all of it have found. All threads of the block come
/// here; a team of more than a warp is the whole block.
template <class Found>
DEVICE void assemble(Found& found, i32 team) {
    if (team == 1) return;
    for (int distance = 16; distance; distance >>= 1) found.merge(found.below(distance));
    if (team == 32) return;
    Found* const of_warps = reinterpret_cast<Found*>(shared_memory());
    if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = found;
    __syncthreads();
    if (threadIdx.x == 0)
        for (u32 warp = 1; warp < blockDim.x / 32; ++warp) found.merge(of_warps[warp]);
}
