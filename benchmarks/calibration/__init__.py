"""What `benchmarks/gas_calibration.py` runs: the stock instructions, and each DNN instruction.

- `stock`: the instructions of Ethereum, and the precompiled contracts;
- `frame`: a prepared frame in which one DNN instruction runs;
- `products`, `items`, `blocks`: operands of the DNN instructions, a wide choice of bad ones.
"""
