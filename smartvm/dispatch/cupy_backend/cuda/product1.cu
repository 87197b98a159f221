// Products of planes of 1 limb.
#include "product_tiles.cuh"

PRODUCTS(1, 1)
PRODUCTS(1, 2)
PRODUCTS(1, 3)
