// Which items and weights an output of a convolution sums.
#pragma once
#include "common.cuh"

struct Geometry {
    i64 size[3], kernel[3], stride[3], before[3], dilation[3], out_size[3], transposed;
    i64 batch, groups, ins, outs;  // channels of a group
    i64 row_step, channel_step;    // from a weight to that of the next channel out, and in

    DEVICE i32 plane() const { return i32(size[0]) * i32(size[1]) * i32(size[2]); }
    DEVICE i32 out_plane() const {
        return i32(out_size[0]) * i32(out_size[1]) * i32(out_size[2]);
    }
    DEVICE i32 window() const { return i32(kernel[0]) * i32(kernel[1]) * i32(kernel[2]); }

    /// The cell of an axis that position `at` takes with the weight k, negative if there is none.
    DEVICE i32 cell(int axis, i32 at, i32 k) const {
        const i32 stride = i32(this->stride[axis]), reach = k * i32(dilation[axis]);
        if (!transposed) {
            const i32 found = at * stride - i32(before[axis]) + reach;
            return found < i32(size[axis]) ? found : -1;
        }
        const i32 from = at + i32(before[axis]) - reach;
        if (from < 0 || from % stride) return -1;
        return from / stride < i32(size[axis]) ? from / stride : -1;
    }

    /// Call `function(cell of the plane, weight of the window)` for each pair that an output sums.
    template <class Function>
    DEVICE void each_pair(i32 position, Function function) const {
        const i32 width = i32(out_size[2]), height = i32(out_size[1]), rest = position / width;
        const i32 at[3] = {rest / height, rest % height, position % width};
        for (i32 i = 0; i < i32(kernel[0]); ++i) {
            const i32 depth = cell(0, at[0], i);
            if (depth < 0) continue;
            for (i32 j = 0; j < i32(kernel[1]); ++j) {
                const i32 row = cell(1, at[1], j);
                if (row < 0) continue;
                for (i32 k = 0; k < i32(kernel[2]); ++k) {
                    const i32 column = cell(2, at[2], k);
                    if (column < 0) continue;
                    function((depth * i32(size[1]) + row) * i32(size[2]) + column,
                             (i * i32(kernel[1]) + j) * i32(kernel[2]) + k);
                }
            }
        }
    }
};

/// Some channels out of a group, at one position: what a thread of a convolution works out.
struct Place {
    i32 position, out, channel, map;  // of the plane; of the group; of all; first channel in
    i32 batch, weights;               // the number of the first weight

    /// The place of a unit of work; each takes `rows` channels.
    DEVICE Place(const Geometry& g, i32 unit, i32 rows) {
        const i32 plane = g.out_plane(), blocks = (i32(g.outs) + rows - 1) / rows;
        position = unit % plane;
        const i32 rest = unit / plane, group = rest / blocks % i32(g.groups);
        out = rest % blocks * rows;
        batch = rest / blocks / i32(g.groups);
        channel = group * i32(g.outs) + out;
        map = (batch * i32(g.groups) + group) * i32(g.ins);
        weights = group * i32(g.ins) * i32(g.outs) * g.window() + out * i32(g.row_step);
    }
};
