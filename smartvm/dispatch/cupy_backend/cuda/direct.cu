// Products on the ordinary cores, in 64-bit sums: what the tensor cores have no way for.
#include "direct_terms.cuh"
#include "epilogue.cuh"

struct ConvolveArguments {
    const void* x;
    i64 x_bytes;
    const void* weights;
    i64 weight_bytes, units;
    Geometry geometry;
    Epilogue epilogue;
};

/// The sums of ROWS channels out at one position, a unit of work.
template <int ROWS>
DEVICE void convolve_rows(const ConvolveArguments& a) {
    const Geometry& g = a.geometry;
    const i64 unit = first();
    Tile<ROWS, 1> tile = {};
    const Place place(g, unit < a.units ? i32(unit) : 0, ROWS);
    const i32 plane = g.plane(), out_plane = g.out_plane(), ins = i32(g.ins);
    tile.columns[0] = unit < a.units ? place.position : -1;
    i32 offsets[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const bool exists = place.out + r < i32(g.outs);
        tile.channels[r] = place.channel + r;
        const i32 map = place.batch * i32(g.groups * g.outs) + tile.channels[r];
        tile.rows[r] = exists ? map * out_plane : -1;
        offsets[r] = exists ? r * i32(g.row_step) : 0;
    }
    if (unit < a.units)
        with_form(a.x, a.x_bytes, [&](auto* x) {
            with_form(a.weights, a.weight_bytes, [&](auto* weights) {
                g.each_pair(place.position, [&](i32 cell, i32 tap) {
                    const auto* item = x + place.map * plane + cell;
                    const auto* weight = weights + place.weights + tap;
                    for (i32 c = 0; c < ins; ++c, item += plane, weight += g.channel_step) {
                        const i64 value = *item;
#pragma unroll
                        for (int r = 0; r < ROWS; ++r)
                            tile.values[r][0] += value * i64(weight[offsets[r]]);
                    }
                });
            });
        });
    run_epilogue(tile, a.epilogue);
}

KERNEL(convolve_1, ConvolveArguments) { convolve_rows<1>(a); }
KERNEL(convolve_4, ConvolveArguments) { convolve_rows<4>(a); }

struct MatmulArguments {
    const void* a;
    i64 a_bytes;
    const void* b;
    i64 b_bytes;
    i64 batch, rows, inner, columns;
    i64 a_row, a_inner, b_inner, b_column;  // from an item to that of the next row, …
    i64 lanes;  // threads, next to each other, that share the sums of a unit: 1 or 32
    Epilogue epilogue;
};

/// A column of b with ROWS rows of a, a unit of work. A tile's rows are the columns of b.
template <int ROWS>
DEVICE void matmul_rows(const MatmulArguments& m) {
    const i32 lanes = i32(m.lanes), lane = i32(threadIdx.x) % lanes;
    const i32 columns = i32(m.columns), blocks = (i32(m.rows) + ROWS - 1) / ROWS;
    const i64 unit = first() / lanes;
    const bool exists = unit < m.batch * blocks * columns;
    const i32 column = exists ? i32(unit) % columns : 0, rest = exists ? i32(unit) / columns : 0;
    const i32 batch = rest / blocks, row = rest % blocks * ROWS;
    Tile<1, ROWS> tile = {};
    tile.rows[0] = exists && lane == 0 ? column : -1;
    tile.channels[0] = column;
    i32 offsets[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const bool inside = row + r < i32(m.rows);
        tile.columns[r] = inside ? (batch * i32(m.rows) + row + r) * columns : -1;
        offsets[r] = inside ? r * i32(m.a_row) : 0;
    }
    if (exists)
        with_form(m.a, m.a_bytes, [&](auto* a) {
            with_form(m.b, m.b_bytes, [&](auto* b) {
                const auto* left = a + batch * m.rows * m.inner + row * m.a_row;
                const auto* right = b + batch * m.inner * m.columns + column * m.b_column;
                for (i32 i = lane; i < i32(m.inner); i += lanes) {
                    const i64 weight = right[i * m.b_inner];
#pragma unroll
                    for (int r = 0; r < ROWS; ++r)
                        tile.values[0][r] += weight * i64(left[i * m.a_inner + offsets[r]]);
                }
            });
        });
    for (i32 distance = lanes / 2; distance; distance /= 2)
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
            tile.values[0][r] += __shfl_down_sync(0xffffffffu, tile.values[0][r], distance);
    run_epilogue(tile, m.epilogue);
}

KERNEL(matmul_1, MatmulArguments) { matmul_rows<1>(a); }
KERNEL(matmul_4, MatmulArguments) { matmul_rows<4>(a); }

struct DepthwiseArguments {
    const void* x;
    i64 x_bytes;  // 2 or 4
    const void* weights;
    i64 weight_bytes, units;
    i64 channels, multiplier;  // channels out, and how many of them share one channel in
    i64 height, width, top, left, out_height, out_width;
    Epilogue epilogue;
};

constexpr int STRIP = 4;

/// STRIP outputs of one column below each other; the weights of a channel are in registers.
template <int SIDE, int STRIDE, class Item>
DEVICE void depthwise_strip(const DepthwiseArguments& a, Tile<STRIP, 1>& tile, const Item* x,
                            const i32* weights, i32 row, i32 column) {
#pragma unroll
    for (int line = 0; line < (STRIP - 1) * STRIDE + SIDE; ++line) {
        const i32 at = row * STRIDE - i32(a.top) + line;
        const bool inside = u32(at) < u32(a.height);
#pragma unroll
        for (int k = 0; k < SIDE; ++k) {
            const i32 from = column * STRIDE - i32(a.left) + k;
            const bool there = inside && u32(from) < u32(a.width);
            const i32 value = there ? i32(x[at * i32(a.width) + from]) : 0;
#pragma unroll
            for (int r = 0; r < STRIP; ++r)
                if (line >= r * STRIDE && line < r * STRIDE + SIDE)
                    tile.values[r][0] += i64(value) * weights[(line - r * STRIDE) * SIDE + k];
        }
    }
}

/// Convolutions of one channel each, items and weights within 32 bits.
template <int SIDE, int STRIDE>
DEVICE void depthwise(const DepthwiseArguments& a) {
    const i64 unit = first();
    const bool exists = unit < a.units;
    const i32 out_width = i32(a.out_width), out_height = i32(a.out_height);
    const i32 strips = (out_height + STRIP - 1) / STRIP, number = exists ? i32(unit) : 0;
    const i32 column = number % out_width, rest = number / out_width;
    const i32 row = rest % strips * STRIP, map = rest / strips;
    const i32 channel = map % i32(a.channels);
    Tile<STRIP, 1> tile = {};
    tile.columns[0] = exists ? column : -1;
#pragma unroll
    for (int r = 0; r < STRIP; ++r) {
        tile.rows[r] = row + r < out_height ? (map * out_height + row + r) * out_width : -1;
        tile.channels[r] = channel;
    }
    i32 weights[SIDE * SIDE];
#pragma unroll
    for (int k = 0; k < SIDE * SIDE; ++k)
        weights[k] = i32(load(a.weights, a.weight_bytes, i64(channel) * (SIDE * SIDE) + k));
    const i64 start = i64(map / i32(a.multiplier)) * a.height * a.width;
    if (a.x_bytes == 2)
        depthwise_strip<SIDE, STRIDE>(a, tile, static_cast<const i16*>(a.x) + start, weights,
                                        row, column);
    else
        depthwise_strip<SIDE, STRIDE>(a, tile, static_cast<const i32*>(a.x) + start, weights,
                                        row, column);
    run_epilogue(tile, a.epilogue);
}

KERNEL(depthwise_31, DepthwiseArguments) { depthwise<3, 1>(a); }
KERNEL(depthwise_32, DepthwiseArguments) { depthwise<3, 2>(a); }
KERNEL(depthwise_51, DepthwiseArguments) { depthwise<5, 1>(a); }
KERNEL(depthwise_52, DepthwiseArguments) { depthwise<5, 2>(a); }
