// Products of planes of 3 limbs.
#include "product_tiles.cuh"

PRODUCTS(3, 1)
PRODUCTS(3, 2)
NARROW_PRODUCTS(3, 3)
