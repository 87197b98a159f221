// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SmartVM} from "smartvm/SmartVM.sol";

/// @title LeNet-5 on images of 32 x 32 8-bit pixels, in fixed point.
/// @notice Block 2n - 1 of Storage holds the weights of layer n, block 2n its biases.
contract LeNet5 {
    uint64 constant SCALE = 1020;
    address public immutable owner = msg.sender;

    event Inferred(address indexed caller, bytes32 inputHash, uint256 label);

    function setBlock(uint64 number, uint64 itemBytes, bytes calldata items) external {
        require(msg.sender == owner, "only the owner may do this");
        SmartVM.writeBlock(number, items, itemBytes);
    }

    function predict(bytes calldata image) external view returns (int256[] memory) {
        _run(image);
        return SmartVM.read(10);
    }

    function classify(bytes calldata image) external view returns (uint256) {
        _run(image);
        return SmartVM.argMax(10);
    }

    function infer(bytes calldata image) external returns (uint256 label) {
        _run(image);
        label = SmartVM.argMax(10);
        emit Inferred(msg.sender, keccak256(image), label);
    }

    function _run(bytes calldata image) private view {
        require(image.length == 1024, "expected 32 x 32 pixels");
        SmartVM.load(image, 1, true);
        SmartVM.bufScl0(4); // 255 becomes 1020, the scale's 1

        _convolve({layer: 1, inChannels: 1, outChannels: 6, size: 32});
        SmartVM.poolMax({channels: 6, size: 28, kernel: 2, stride: 2});
        _convolve({layer: 2, inChannels: 6, outChannels: 16, size: 14});
        SmartVM.poolMax({channels: 16, size: 10, kernel: 2, stride: 2});
        _convolve({layer: 3, inChannels: 16, outChannels: 120, size: 5});
        _connect({layer: 4, inFeatures: 120, outFeatures: 84});
        SmartVM.actRl();
        _connect({layer: 5, inFeatures: 84, outFeatures: 10});
    }

    /// @dev 5 x 5 kernels, biases, and ReLU at the scale of the input.
    function _convolve(uint64 layer, uint64 inChannels, uint64 outChannels, uint64 size)
        private
        view
    {
        uint64 plane = (size - 4) * (size - 4);
        SmartVM.convMul(2 * layer - 1, inChannels, outChannels, size, 5, 1, 0);
        SmartVM.bufBias(SmartVM.inStorage(2 * layer).shaped(outChannels, plane));
        SmartVM.bufScl1(SCALE, 1);
        SmartVM.actRl();
    }

    function _connect(uint64 layer, uint256 inFeatures, uint256 outFeatures) private view {
        SmartVM.fullCon(2 * layer - 1, 2 * layer, inFeatures, outFeatures);
        SmartVM.bufScl1(SCALE, 1);
    }
}
