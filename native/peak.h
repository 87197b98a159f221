// The peak of the dot products that the kernels are made of: what their speed is measured against.
#pragma once

#include "isa.h"

// Do rounds · peak_products() products of int16, on registers alone; returns a sum of them.
SMARTVM_KERNEL(int, peak, long rounds)
SMARTVM_KERNEL(int, peak_products, )
