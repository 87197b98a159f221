// Products of planes of 2 limbs.
#include "product_tiles.cuh"

PRODUCTS(2, 1)
PRODUCTS(2, 2)
PRODUCTS(2, 3)
