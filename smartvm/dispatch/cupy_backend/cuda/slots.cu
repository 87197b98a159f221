// Slots: where kernels leave the exact bounds of what they compute.
#include "common.cuh"

struct ResetArguments {
    i64* slots;
    i64 count;
};

/// Make every slot that of no value.
KERNEL(reset_slots, ResetArguments) {
    for (i64 i = first(); i < a.count; i += step()) {
        a.slots[2 * i] = GREATEST;
        a.slots[2 * i + 1] = LEAST;
    }
}
