// What is left of a product whose inner axis was split: the sums of the parts, and the stages.
#include "epilogue.cuh"

struct FinishArguments {
    const i64* partial;
    i64 splits, count, channel_stride, channels;
    Epilogue epilogue;
};

/// Each result is the sum of its parts, taken through the stages.
KERNEL(finish, FinishArguments) {
    const i64 index = first();
    const bool exists = index < a.count;
    i64 sum = 0;
    if (exists)
        for (i64 split = 0; split < a.splits; ++split) sum += a.partial[split * a.count + index];
    Tile<1, 1> tile;
    tile.values[0][0] = sum;
    tile.rows[0] = exists ? i32(index) : -1;
    tile.columns[0] = 0;
    tile.channels[0] = i32(u32(index) / u32(a.channel_stride) % u32(a.channels));
    run_epilogue(tile, a.epilogue);
}
