// The cells of the windows of a pooling.
#pragma once
#include "common.cuh"

struct PoolGeometry {
    i64 size[3], kernel[3], stride[3], before[3], after[3], dilation[3], out_size[3];
    i64 counts_padding;
};

/// The cells of the plane that a window has, and how many the average divides by.
struct Window {
    i32 start[3], cells[3], plane;  // per axis; which plane
    i64 counted = 1;

    DEVICE Window(const PoolGeometry& g, i32 number) {
        i32 rest = number;
        for (int axis = 2; axis >= 0; --axis) {
            const i32 length = i32(g.out_size[axis]);
            along(g, axis, rest % length);
            rest /= length;
        }
        plane = rest;
    }

    DEVICE i32 count() const { return cells[0] * cells[1] * cells[2]; }

    /// Call `function(index in the map)` for each of the cells that is a lane's share.
    template <class Function>
    DEVICE void each(const PoolGeometry& g, i32 lane, i32 lanes, Function function) const {
        if (count() == 0) return;
        const i32 height = i32(g.size[1]), width = i32(g.size[2]);
        const i32 base = plane * i32(g.size[0]) * height * width;
        i32 i = 0, j = 0;
        for (i32 k = lane;; k += lanes) {
            for (; k >= cells[2]; k -= cells[2])
                if (++j == cells[1]) j = 0, ++i;
            if (i >= cells[0]) return;
            const i32 depth = start[0] + i * i32(g.dilation[0]);
            const i32 row = start[1] + j * i32(g.dilation[1]);
            const i32 column = start[2] + k * i32(g.dilation[2]);
            function(base + (depth * height + row) * width + column);
        }
    }

private:
    DEVICE void along(const PoolGeometry& g, int axis, i32 position) {
        const i32 step = i32(g.dilation[axis]), kernel = i32(g.kernel[axis]);
        const i32 before = i32(g.before[axis]), after = i32(g.after[axis]);
        const i32 from = position * i32(g.stride[axis]) - before, size = i32(g.size[axis]);
        const i32 low = before < 0 ? -before : 0, high = after < 0 ? size + after : size;
        const i32 head = steps(low - from, step), end = lesser(steps(high - from, step), kernel);
        cells[axis] = end > head ? end - head : 0;
        start[axis] = from + head * step;
        const i32 padded = lesser(steps(size + after - from, step), kernel);
        counted *= g.counts_padding ? padded : cells[axis];
    }

    /// The steps that reach over a distance.
    static DEVICE i32 steps(i32 distance, i32 step) {
        if (distance <= 0) return 0;
        return step == 1 ? distance : (distance + step - 1) / step;
    }
    static DEVICE i32 lesser(i32 a, i32 b) { return a < b ? a : b; }
};
