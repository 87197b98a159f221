// Products of integers on the int8 tensor cores.
//
// Operands are taken apart in limbs of eight bits, value = Σ limb_i·256^i, the highest limb signed
// and the others not. The product of two limbs i and j belongs to diagonal i + j; each diagonal has
// int32 sums of its own, and Σ diagonal_d·256^d is the result in 64 bits. The caller bounds the
// length of a sum so that no diagonal leaves int32.
//
// One side, "weights", lies in fragment order, 16 rows at a time; the other, "planes", with 32
// channels of a cell side by side (packing.cu). A step of the inner axis is 32 channels of a cell
// of the kernel; steps run over the cells of the kernel first, so that what neighbouring cells
// share is still in the cache. A block of four warps computes 64 rows of some columns: its threads
// copy what the steps ahead need into a ring in shared memory.
#pragma once
#include "epilogue.cuh"
#include "tensor_cores.cuh"

struct ProductArguments {
    const u8 *fragments, *planes;
    i64 limb_bytes;  // of the planes of one limb
    i64 batch, groups, blocks;  // blocks of 32 channels of a group
    i64 size[3], kernel[3], stride[3], before[3], dilation[3], out_size[3];
    i64 rows, row_tiles, steps, split_steps;
    i64 group_stride, row_stride, batch_stride, column_stride, group_channels;  // of the result
    i64 *partial, partial_stride;  // where there are several splits: the sums of each
    Epilogue epilogue;
};

constexpr int THREADS = 128, RING = 4, STEP = 32, ROWS = 64, FRAGMENT = 512;

/// Where a step lies in the inner axis: a block of 32 channels and a cell of the kernel.
struct Step {
    i32 block, cell[3];

    DEVICE Step(const ProductArguments& a, i32 number) : block(number) {
        for (int axis = 2; axis >= 0; --axis) {
            const i32 length = i32(a.kernel[axis]);
            cell[axis] = block % length;
            block /= length;
        }
    }

    DEVICE void advance(const ProductArguments& a) {
        if (++cell[2] < i32(a.kernel[2])) return;
        cell[2] = 0;
        if (++cell[1] < i32(a.kernel[1])) return;
        cell[1] = 0;
        if (++cell[0] < i32(a.kernel[0])) return;
        cell[0] = 0;
        ++block;
    }
};

/// The 16 bytes of each step that a thread copies for its column: half of 32 channels.
struct ColumnSource {
    i32 start[3], map, cells, half;  // start: the cell under the kernel's first

    DEVICE ColumnSource(const ProductArguments& a, i32 group, i32 column, i32 half) : half(half) {
        i32 rest = column;
        for (int axis = 2; axis >= 0; --axis) {
            const i32 length = i32(a.out_size[axis]);
            start[axis] = rest % length * i32(a.stride[axis]) - i32(a.before[axis]);
            rest /= length;
        }
        cells = i32(a.size[0]) * i32(a.size[1]) * i32(a.size[2]);
        map = rest < i32(a.batch) ? rest * i32(a.groups) + group : -1;
    }

    /// The offset of the bytes in a limb's planes; negative where they are zeros.
    DEVICE i32 offset(const ProductArguments& a, const Step& step) const {
        i32 cell = 0;
        bool inside = map >= 0;
        for (int axis = 0; axis < 3; ++axis) {
            const i32 at = start[axis] + step.cell[axis] * i32(a.dilation[axis]);
            inside &= u32(at) < u32(a.size[axis]);
            cell = cell * i32(a.size[axis]) + at;
        }
        const i32 block = map * i32(a.blocks) + step.block;
        return inside ? (block * cells + cell) * STEP + half * 16 : -1;
    }
};

/// LX limbs of the planes, LW of the weights; WARPS_M × WARPS_N warps of MT·16 rows and NT·8
/// columns each.
template <int LX, int LW, int WARPS_M, int WARPS_N, int MT, int NT>
struct Product {
    static_assert(WARPS_M * MT * 16 == ROWS && WARPS_M * WARPS_N * 32 == THREADS);
    static constexpr int COLUMNS = WARPS_N * NT * 8, DIAGONALS = LX + LW - 1;
    static constexpr int WEIGHT_BYTES = LW * ROWS * STEP;
    static constexpr int STAGE_BYTES = WEIGHT_BYTES + LX * COLUMNS * STEP;
    static constexpr int LIMBS_AT_ONCE = THREADS / (2 * COLUMNS);

    const ProductArguments& a;
    const i32 thread, lane, warp, group, row_block, first_column;
    i32 sums[DIAGONALS][MT][NT][4] = {};

    DEVICE Product(const ProductArguments& a)
        : a(a), thread(threadIdx.x), lane(thread % 32), warp(thread / 32),
          group(blockIdx.y % u32(a.groups)), row_block(blockIdx.y / u32(a.groups)),
          first_column(blockIdx.x * COLUMNS) {}

    DEVICE void copy(unsigned char* to, const u8* weights, bool has_rows, i32 offset) const {
#pragma unroll
        for (int limb = 0; limb < LW; ++limb)
            copy_async(to + limb * (ROWS * STEP) + thread * 16, weights + limb * FRAGMENT,
                       has_rows);
        const i32 chunk = thread % (2 * COLUMNS) * 16;
#pragma unroll
        for (int limbs = 0; limbs < LX; limbs += LIMBS_AT_ONCE) {
            const i32 limb = limbs + thread / (2 * COLUMNS);
            if (limb < LX)
                copy_async(to + WEIGHT_BYTES + limb * (COLUMNS * STEP) + chunk,
                           a.planes + (offset < 0 ? 0 : limb * a.limb_bytes + offset), offset >= 0);
        }
    }

    DEVICE void multiply(const unsigned char* stage) {
        const i32 warp_m = warp % WARPS_M, warp_n = warp / WARPS_M;
        const unsigned char* left = stage + warp_m * (MT * FRAGMENT) + lane * 16;
        const unsigned char* right =
            stage + WEIGHT_BYTES + (warp_n * (NT * 8) + lane / 4) * STEP + lane % 4 * 8;
        Bytes16 weights[LW][MT];
#pragma unroll
        for (int j = 0; j < LW; ++j)
#pragma unroll
            for (int mt = 0; mt < MT; ++mt)
                weights[j][mt] = *reinterpret_cast<const Bytes16*>(
                    left + j * (ROWS * STEP) + mt * FRAGMENT);
#pragma unroll
        for (int i = 0; i < LX; ++i) {
            uint2 x[NT];
#pragma unroll
            for (int nt = 0; nt < NT; ++nt)
                x[nt] = *reinterpret_cast<const uint2*>(right + (i * COLUMNS + nt * 8) * STEP);
#pragma unroll
            for (int j = 0; j < LW; ++j)
#pragma unroll
                for (int mt = 0; mt < MT; ++mt)
#pragma unroll
                    for (int nt = 0; nt < NT; ++nt) {
                        i32(&sum)[4] = sums[i + j][mt][nt];
                        if (i == LX - 1 && j == LW - 1)
                            multiply_add<true, true>(sum, weights[j][mt], x[nt]);
                        else if (i == LX - 1)
                            multiply_add<false, true>(sum, weights[j][mt], x[nt]);
                        else if (j == LW - 1)
                            multiply_add<true, false>(sum, weights[j][mt], x[nt]);
                        else
                            multiply_add<false, false>(sum, weights[j][mt], x[nt]);
                    }
        }
    }

    DEVICE void run_steps() {
        unsigned char* ring = shared_memory();
        const i32 begin = i32(blockIdx.z) * i32(a.split_steps), steps = i32(a.steps);
        const i32 count = (begin + i32(a.split_steps) < steps ? i32(a.split_steps) : steps - begin);
        Step next(a, begin);
        const ColumnSource source(a, group, first_column + thread / 2 % COLUMNS, thread & 1);
        const i32 tile = row_block * (ROWS / 16) + warp;
        const bool has_rows = tile < i32(a.row_tiles);
        const u8* weights = a.fragments + lane * 16;
        if (has_rows)
            weights += ((group * a.row_tiles + tile) * steps + begin) * (LW * FRAGMENT);
        const auto start = [&](i32 number) {
            if (number < count) {
                copy(ring + number % RING * STAGE_BYTES, weights, has_rows, source.offset(a, next));
                next.advance(a);
                if (has_rows) weights += LW * FRAGMENT;
            }
            close_copies();
        };
        for (i32 number = 0; number < RING - 1; ++number) start(number);
        i32 number = 0;
        do {  // a part has a step at least; a loop that may have none takes more registers
            wait_for_copies<RING - 2>();
            __syncthreads();
            start(number + RING - 1);
            multiply(ring + number % RING * STAGE_BYTES);
        } while (++number < count);
    }

    /// Where the results of 16 rows lie.
    DEVICE void place(Tile<2, NT * 2>& tile, i32 mt) const {
        const i32 cells = i32(a.out_size[0]) * i32(a.out_size[1]) * i32(a.out_size[2]);
        const i32 first_row = row_block * ROWS + (warp % WARPS_M * MT + mt) * 16 + lane / 4;
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const i32 row = first_row + r * 8;
            tile.channels[r] = group * i32(a.group_channels) + row;
            tile.rows[r] =
                row < i32(a.rows) ? group * i32(a.group_stride) + row * i32(a.row_stride) : -1;
        }
        const i32 left = first_column + warp / WARPS_M * (NT * 8) + lane % 4 * 2;
#pragma unroll
        for (int c = 0; c < NT * 2; ++c) {
            const i32 column = left + c / 2 * 8 + c % 2, map = u32(column) / u32(cells);
            const i32 cell = column - map * cells;
            const i32 index = map * i32(a.batch_stride) + cell * i32(a.column_stride);
            tile.columns[c] = map < i32(a.batch) ? index : -1;
        }
    }

    /// The sums of all diagonals of 16 rows.
    DEVICE void add_up(Tile<2, NT * 2>& tile, int mt) const {
#pragma unroll
        for (int r = 0; r < 2; ++r)
#pragma unroll
            for (int c = 0; c < NT * 2; ++c) {
                u64 sum = 0;
#pragma unroll
                for (int d = 0; d < DIAGONALS; ++d)
                    sum += u64(i64(sums[d][mt][c / 2][r * 2 + c % 2])) << (8 * d);
                tile.values[r][c] = i64(sum);
            }
    }

    DEVICE void run() {
        run_steps();
#pragma unroll
        for (int mt = 0; mt < MT; ++mt) {
            Tile<2, NT * 2> tile;
            place(tile, mt);
            add_up(tile, mt);
            if (gridDim.z > 1)
                tile.stored(a.partial + blockIdx.z * a.partial_stride);
            else
                run_epilogue(tile, a.epilogue);
        }
    }
};

/// Kernels for LX limbs of the planes and LW of the weights, by the columns of a block.
#define NARROW_PRODUCTS(LX, LW)                                                              \
    KERNEL(product_##LX##LW##_8, ProductArguments) { Product<LX, LW, 4, 1, 1, 1>(a).run(); } \
    KERNEL(product_##LX##LW##_32, ProductArguments) { Product<LX, LW, 4, 1, 1, 4>(a).run(); }
#define PRODUCTS(LX, LW)        \
    NARROW_PRODUCTS(LX, LW)     \
    KERNEL(product_##LX##LW##_64, ProductArguments) { Product<LX, LW, 2, 2, 2, 4>(a).run(); }
