// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title The same network in plain Solidity, as it can be written for any Ethereum chain.
/// @notice Weights are packed sixteen a slot. Nothing is unrolled or written in assembly.
contract PlainLeNet5 {
    int256 constant SCALE = 1020;
    uint256 constant KERNEL = 5;
    address public immutable owner = msg.sender;
    mapping(uint256 layer => int16[]) weights;
    mapping(uint256 layer => int32[]) biases;

    event Inferred(address indexed caller, bytes32 inputHash, uint256 label);

    function addWeights(uint256 layer, int16[] calldata items) external {
        require(msg.sender == owner, "only the owner may do this");
        for (uint256 i = 0; i < items.length; i++) {
            weights[layer].push(items[i]);
        }
    }

    function addBiases(uint256 layer, int32[] calldata items) external {
        require(msg.sender == owner, "only the owner may do this");
        for (uint256 i = 0; i < items.length; i++) {
            biases[layer].push(items[i]);
        }
    }

    function predict(bytes calldata image) external view returns (int256[] memory) {
        return _run(image);
    }

    function classify(bytes calldata image) external view returns (uint256) {
        return _argMax(_run(image));
    }

    function infer(bytes calldata image) external returns (uint256 label) {
        label = _argMax(_run(image));
        emit Inferred(msg.sender, keccak256(image), label);
    }

    function _run(bytes calldata image) private view returns (int256[] memory x) {
        require(image.length == 1024, "expected 32 x 32 pixels");
        x = new int256[](1024);
        for (uint256 i = 0; i < 1024; i++) {
            x[i] = 4 * int256(uint256(uint8(image[i])));
        }
        x = _maxPool(_relu(_convolve(1, x, 1, 6, 32)), 6, 28);
        x = _maxPool(_relu(_convolve(2, x, 6, 16, 14)), 16, 10);
        x = _relu(_convolve(3, x, 16, 120, 5));
        x = _relu(_connect(4, x, 84));
        x = _connect(5, x, 10);
    }

    function _convolve(
        uint256 layer,
        int256[] memory x,
        uint256 inChannels,
        uint256 outChannels,
        uint256 size
    ) private view returns (int256[] memory out) {
        uint256 side = size - KERNEL + 1;
        uint256 window = inChannels * KERNEL * KERNEL;
        out = new int256[](outChannels * side * side);
        for (uint256 o = 0; o < outChannels; o++) {
            int256[] memory kernel = new int256[](window);
            for (uint256 i = 0; i < window; i++) {
                kernel[i] = weights[layer][o * window + i];
            }
            int256 bias = biases[layer][o];
            for (uint256 row = 0; row < side; row++) {
                for (uint256 column = 0; column < side; column++) {
                    int256 sum = bias + _window(x, kernel, inChannels, size, row, column);
                    out[(o * side + row) * side + column] = _rescale(sum);
                }
            }
        }
    }

    function _window(
        int256[] memory x,
        int256[] memory kernel,
        uint256 channels,
        uint256 size,
        uint256 row,
        uint256 column
    ) private pure returns (int256 sum) {
        unchecked {
            uint256 weight = 0;
            for (uint256 c = 0; c < channels; c++) {
                for (uint256 i = 0; i < KERNEL; i++) {
                    uint256 start = (c * size + row + i) * size + column;
                    for (uint256 j = 0; j < KERNEL; j++) {
                        sum += kernel[weight++] * x[start + j];
                    }
                }
            }
        }
    }

    function _connect(uint256 layer, int256[] memory x, uint256 outFeatures)
        private
        view
        returns (int256[] memory out)
    {
        out = new int256[](outFeatures);
        for (uint256 o = 0; o < outFeatures; o++) {
            int256 sum = biases[layer][o];
            for (uint256 i = 0; i < x.length; i++) {
                unchecked {
                    sum += int256(weights[layer][o * x.length + i]) * x[i];
                }
            }
            out[o] = _rescale(sum);
        }
    }

    function _maxPool(int256[] memory x, uint256 channels, uint256 size)
        private
        pure
        returns (int256[] memory out)
    {
        uint256 side = size / 2;
        out = new int256[](channels * side * side);
        for (uint256 c = 0; c < channels; c++) {
            for (uint256 row = 0; row < side; row++) {
                for (uint256 column = 0; column < side; column++) {
                    uint256 start = (c * size + 2 * row) * size + 2 * column;
                    int256 upper = _max(x[start], x[start + 1]);
                    int256 lower = _max(x[start + size], x[start + size + 1]);
                    out[(c * side + row) * side + column] = _max(upper, lower);
                }
            }
        }
    }

    function _relu(int256[] memory x) private pure returns (int256[] memory) {
        for (uint256 i = 0; i < x.length; i++) {
            x[i] = _max(x[i], 0);
        }
        return x;
    }

    /// @dev The nearest integer to sum / SCALE, ties to even.
    function _rescale(int256 sum) private pure returns (int256 quotient) {
        quotient = sum / SCALE;
        int256 rest = sum % SCALE;
        if (rest < 0) {
            rest += SCALE;
            quotient -= 1;
        }
        if (2 * rest + (quotient & 1) > SCALE) quotient += 1;
    }

    function _argMax(int256[] memory x) private pure returns (uint256 best) {
        for (uint256 i = 1; i < x.length; i++) {
            if (x[i] > x[best]) best = i;
        }
    }

    function _max(int256 a, int256 b) private pure returns (int256) {
        return a > b ? a : b;
    }
}
