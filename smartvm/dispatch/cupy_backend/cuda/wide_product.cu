// Products modulo 2^256: a thread sums each output.
#include "direct_terms.cuh"
#include "wide_product.cuh"

struct WideConvolveArguments {
    const void* x;
    i64 x_bytes;
    const void* weights;
    i64 weight_bytes;
    Wide* out;
    i64 count;
    Geometry geometry;
};

KERNEL(convolve, WideConvolveArguments) {
    const Geometry& g = a.geometry;
    for (i64 i = first(); i < a.count; i += step()) {
        const Place place(g, i32(i), 1);
        Wide sum;
        g.each_pair(place.position, [&](i32 cell, i32 tap) {
            for (i32 c = 0; c < i32(g.ins); ++c)
                sum.add_product(
                    load_wide(a.x, a.x_bytes, i64(place.map + c) * g.plane() + cell),
                    load_wide(a.weights, a.weight_bytes, place.weights + c * g.channel_step + tap));
        });
        a.out[i] = sum;
    }
}

struct WideMatmulArguments {
    const void* a;
    i64 a_bytes;
    const void* b;
    i64 b_bytes;
    Wide* out;
    i64 batch, rows, inner, columns;
    i64 a_row, a_inner, b_inner, b_column;  // from an item to that of the next row, …
};

DEVICE Wide matmul_sum(const WideMatmulArguments& m, i64 number) {
    const i64 column = u32(number) % u32(m.columns), rest = u32(number) / u32(m.columns);
    const i64 batch = u32(rest) / u32(m.rows), row = rest - batch * m.rows;
    const i64 left = batch * m.rows * m.inner + row * m.a_row;
    const i64 right = batch * m.inner * m.columns + column * m.b_column;
    Wide sum;
    for (i64 i = 0; i < m.inner; ++i)
        sum.add_product(load_wide(m.a, m.a_bytes, left + i * m.a_inner),
                        load_wide(m.b, m.b_bytes, right + i * m.b_inner));
    return sum;
}

KERNEL(matmul, WideMatmulArguments) {
    for (i64 i = first(); i < a.batch * a.rows * a.columns; i += step())
        a.out[i] = matmul_sum(a, i);
}
