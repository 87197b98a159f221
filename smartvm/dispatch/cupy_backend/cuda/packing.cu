// Operands of products taken apart in limbs of eight bits, four of them a word, in the order in
// which the tensor cores take them (product_tiles.cuh).
#include "common.cuh"

constexpr int MOST_LIMBS = 4, BLOCK = 32;

/// Up to four items as words of their limbs: word i has limb i of each.
struct Limbs {
    u32 words[MOST_LIMBS] = {};

    DEVICE void put(int place, i64 item) {
        const u32 value = u32(i32(item));
#pragma unroll
        for (int limb = 0; limb < MOST_LIMBS; ++limb)
            words[limb] |= (value >> (8 * limb) & 0xff) << (8 * place);
    }

    DEVICE void store(u32* to, i64 stride, i64 count) const {
#pragma unroll
        for (int limb = 0; limb < MOST_LIMBS; ++limb)
            if (limb < count) to[limb * stride] = words[limb];
    }
};

struct WeightArguments {
    const void* items;
    i64 item_bytes;
    u32* fragments;
    i64 words;  // of one limb
    i64 limbs, rows, row_tiles, channels, cells, steps;
    i64 group_stride, row_stride, channel_stride, cell_stride;
};

/// Weights in fragment order: for each group, tile of 16 rows, step and limb, 16 bytes a lane.
KERNEL(pack_weights, WeightArguments) {
    for (i64 i = first(); i < a.words; i += step()) {
        const i32 place = i32(i & 127), lane = place / 4, word = place % 4;
        const u32 number = u32(i >> 7), tile = number / u32(a.steps);
        const u32 step_number = number - tile * u32(a.steps);
        const u32 block = step_number / u32(a.cells), cell = step_number - block * u32(a.cells);
        const u32 group = tile / u32(a.row_tiles);
        const i64 row = (tile - group * u32(a.row_tiles)) * 16 + lane / 4 + word % 2 * 8;
        const i64 channel = block * BLOCK + lane % 4 * 8 + word / 2 * 4;
        const i64 start = group * a.group_stride + row * a.row_stride + cell * a.cell_stride;
        Limbs limbs;
        for (int j = 0; j < 4; ++j)
            if (row < a.rows && channel + j < a.channels)
                limbs.put(j, load(a.items, a.item_bytes, start + (channel + j) * a.channel_stride));
        limbs.store(a.fragments + number * a.limbs * 128 + place, 128, a.limbs);
    }
}

struct PlaneArguments {
    const void* items;
    i64 item_bytes;
    u32* planes;
    i64 limb_words;  // of the planes of one limb
    i64 limbs, maps, channels, blocks, cells;
    i64 map_stride, channel_stride, cell_stride;
};

constexpr int CELLS = 64, WORDS = BLOCK / 4, ROW_WORDS = WORDS + 1;

/// Maps as blocks of 32 channels, those of a cell side by side, where they lie so already.
KERNEL(pack_rows, PlaneArguments) {
    for (i64 i = first(); i < a.limb_words; i += step()) {
        const u32 row = u32(i) / WORDS, number = row / u32(a.cells);
        const u32 cell = row - number * u32(a.cells), map = number / u32(a.blocks);
        const u32 channel = (number - map * u32(a.blocks)) * BLOCK + u32(i) % WORDS * 4;
        const i64 start = map * a.map_stride + cell * a.cell_stride;
        Limbs limbs;
        for (int j = 0; j < 4; ++j)
            if (channel + j < a.channels)
                limbs.put(j, load(a.items, a.item_bytes, start + (channel + j) * a.channel_stride));
        limbs.store(a.planes + i, a.limb_words, a.limbs);
    }
}

/// The same where planes lie one after the other: 8 warps turn 32 channels of 64 cells around in
/// shared memory.
KERNEL(pack_planes, PlaneArguments) {
    u32* tile = reinterpret_cast<u32*>(shared_memory());  // [limb][cell][ROW_WORDS]
    const i64 first_cell = i64(blockIdx.x) * CELLS;
    const i32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (i64 number = blockIdx.y; number < a.maps * a.blocks; number += gridDim.y) {
        const i64 map = number / a.blocks, block = number - map * a.blocks;
        const i64 channel = block * BLOCK + warp * 4;
        for (i32 cell = lane; cell < CELLS; cell += 32) {
            Limbs limbs;
            const i64 start = map * a.map_stride + channel * a.channel_stride + first_cell + cell;
            for (int j = 0; j < 4; ++j)
                if (first_cell + cell < a.cells && channel + j < a.channels)
                    limbs.put(j, load(a.items, a.item_bytes, start + j * a.channel_stride));
            limbs.store(tile + cell * ROW_WORDS + warp, CELLS * ROW_WORDS, a.limbs);
        }
        __syncthreads();
        for (i32 i = threadIdx.x; i < a.limbs * CELLS * WORDS; i += blockDim.x) {
            const i32 word = i % WORDS, cell = i / WORDS % CELLS, limb = i / (WORDS * CELLS);
            const i64 to = (number * a.cells + first_cell + cell) * WORDS + word;
            if (first_cell + cell < a.cells)
                a.planes[limb * a.limb_words + to] = tile[(limb * CELLS + cell) * ROW_WORDS + word];
        }
        __syncthreads();
    }
}

struct WindowArguments {
    const void* items;
    i64 item_bytes;
    u32* planes;
    i64 limb_words;
    i64 limbs, maps, channels, blocks, inner, out_plane;
    i64 size[3], kernel[3], stride[3], before[3], dilation[3], out_size[3];
};

/// A cell by its place on each axis, and how far that is in the map.
struct alignas(16) Place {
    i32 at[3], offset;
};

/// The place that a number has in `lengths`, scaled and moved, and what is left of the number.
DEVICE i32 place_of(Place& place, i32 number, const i64* lengths, const i64* scale,
                    const i64* before, const i64* size) {
    for (int axis = 2; axis >= 0; --axis) {
        const i32 rest = number / i32(lengths[axis]);
        place.at[axis] = (number - rest * i32(lengths[axis])) * i32(scale[axis]) -
                         (before ? i32(before[axis]) : 0);
        number = rest;
    }
    place.offset = (place.at[0] * i32(size[1]) + place.at[1]) * i32(size[2]) + place.at[2];
    return number;
}

constexpr int PIXELS = 64;

/// The windows of a convolution as the channels of its result's cells, in the weights' order.
KERNEL(pack_windows, WindowArguments) {
    Place* pixels = reinterpret_cast<Place*>(shared_memory());
    Place* cells = pixels + PIXELS;
    i32* rows = reinterpret_cast<i32*>(cells + a.inner);  // of the planes, one a pixel
    const i32 inner = i32(a.inner), out_plane = i32(a.out_plane), blocks = i32(a.blocks);
    const i32 plane = i32(a.size[0] * a.size[1] * a.size[2]);
    const i32 first_pixel = i32(blockIdx.x) * PIXELS;
    for (i32 k = threadIdx.x; k < inner; k += blockDim.x) {
        const i32 channel = place_of(cells[k], k, a.kernel, a.dilation, nullptr, a.size);
        cells[k].offset += channel * plane;
    }
    for (i32 p = threadIdx.x; p < PIXELS; p += blockDim.x) {
        const i32 pixel = first_pixel + p;
        const i32 map = place_of(pixels[p], pixel, a.out_size, a.stride, a.before, a.size);
        pixels[p].offset += map * i32(a.channels) * plane;
        rows[p] = map < i32(a.maps) ? pixel + map * (blocks - 1) * out_plane : -1;
    }
    __syncthreads();
    for (i32 i = threadIdx.x; i < blocks * (PIXELS * WORDS); i += blockDim.x) {
        const i32 word = i % WORDS, p = i / WORDS % PIXELS, block = i / (WORDS * PIXELS);
        if (rows[p] < 0) continue;
        Limbs limbs;
        for (int j = 0; j < 4; ++j) {
            const i32 k = block * BLOCK + word * 4 + j;
            if (k >= inner) break;
            const Place &pixel = pixels[p], &cell = cells[k];
            bool inside = true;
            for (int axis = 0; axis < 3; ++axis)
                inside &= u32(pixel.at[axis] + cell.at[axis]) < u32(a.size[axis]);
            if (inside) limbs.put(j, load(a.items, a.item_bytes, pixel.offset + cell.offset));
        }
        const i64 row = rows[p] + block * out_plane;
        limbs.store(a.planes + row * WORDS + word, a.limb_words, a.limbs);
    }
}
