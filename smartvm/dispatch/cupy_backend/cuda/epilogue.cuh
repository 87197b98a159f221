// The stages behind a product: what becomes of each sum before it is stored.
//
// A thread holds a tile of sums and takes them through one stage after the other, all in 64 bits
// under the caller's proof, and measures the bounds of what each stage leaves where no rule gives
// them (smartvm/dispatch/stages.py).
#pragma once
#include "common.cuh"
#include "division.cuh"

constexpr int MOST_STAGES = 8;
enum : i64 { ADD_CHANNEL, ADD_MAP, MULTIPLY, DIVIDE, RELU };

struct Stage {
    i64 kind;
    const void* items;
    i64 item_bytes, number, nearest;  // number: factor or cap
    i64* slot;                        // null where the bounds follow from those before
    Divisor divisor;
};

struct Epilogue {
    void* out;
    i64 out_bytes;
    i64* slot;  // of the sums
    i64 count;
    Stage stages[MOST_STAGES];
};

/// ROWS × COLUMNS results of one thread: the index of each is that of its row and of its column
/// together; those of a negative row or column do not exist.
template <int ROWS, int COLUMNS>
struct Tile {
    i64 values[ROWS][COLUMNS];
    i32 rows[ROWS], columns[COLUMNS], channels[ROWS];

    template <class Function>
    DEVICE void each(Function function) {
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int c = 0; c < COLUMNS; ++c)
                if (rows[r] >= 0 && columns[c] >= 0)
                    function(values[r][c], rows[r] + columns[c], channels[r]);
    }

    DEVICE void measured(i64* slot) {
        Bounds bounds;
        each([&](i64 value, i32, i32) { bounds.take(value); });
        measure(bounds, slot);
    }

    template <class Item>
    DEVICE void stored(Item* out) {
        each([&](i64 value, i32 index, i32) { out[index] = Item(value); });
    }
};

template <int ROWS, int COLUMNS>
DEVICE void run_stage(Tile<ROWS, COLUMNS>& tile, const Stage& stage) {
    if (stage.kind == ADD_CHANNEL) {
        tile.each([&](i64& value, i32, i32 channel) {
            value += load(stage.items, stage.item_bytes, channel);
        });
    } else if (stage.kind == ADD_MAP) {
        tile.each([&](i64& value, i32 index, i32) {
            value += load(stage.items, stage.item_bytes, index);
        });
    } else if (stage.kind == MULTIPLY) {
        tile.each([&](i64& value, i32, i32) { value *= stage.number; });
    } else if (stage.kind == DIVIDE) {
        tile.each([&](i64& value, i32, i32) {
            value = stage.nearest ? divide_nearest(value, stage.divisor)
                                  : divide_truncated(value, stage.divisor);
        });
    } else {
        const i64 cap = stage.number ? stage.number : GREATEST;
        tile.each([&](i64& value, i32, i32) { value = value < 0 ? 0 : value > cap ? cap : value; });
    }
}

/// Take the sums in a tile through all stages and store them. All threads of the block come here.
template <int ROWS, int COLUMNS>
DEVICE void run_epilogue(Tile<ROWS, COLUMNS>& tile, const Epilogue& epilogue) {
    tile.measured(epilogue.slot);
    for (i64 number = 0; number < epilogue.count; ++number) {
        const Stage& stage = epilogue.stages[number];
        run_stage(tile, stage);
        if (stage.slot) tile.measured(stage.slot);
    }
    if (epilogue.out_bytes == 2)
        tile.stored(static_cast<i16*>(epilogue.out));
    else if (epilogue.out_bytes == 4)
        tile.stored(static_cast<i32*>(epilogue.out));
    else
        tile.stored(static_cast<i64*>(epilogue.out));
}
