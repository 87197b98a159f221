// Products of planes of 4 limbs.
#include "product_tiles.cuh"

PRODUCTS(4, 1)
NARROW_PRODUCTS(4, 2)
NARROW_PRODUCTS(4, 3)
