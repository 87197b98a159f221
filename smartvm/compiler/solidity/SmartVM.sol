// SPDX-License-Identifier: MIT
// Made by scripts/solidity_library.py from SmartVM.sol.in and the instruction table.
pragma solidity ^0.8.37;

/// @notice Where a tensor is (an address word): SmartVM.inStorage, inBuffer, inMemory make one.
type Tensor is uint256;

/// @notice A size, kernel, stride or dilation (a spatial word): SmartVM.every, plane, volume.
type Spatial is uint256;

/// @notice Cells around a plane (a padding word): SmartVM.around, sides.
type Padding is uint256;

/// @notice A word of four fields: SmartVM.fields, signedFields.
type Fields is uint256;

using {SmartVM.shaped, SmartVM.transposed} for Tensor global;

/// @title The instructions of SmartVM for Solidity.
/// @notice A function for each DNN instruction, and a few that use several. They are internal, so
/// that no call is made, and work on the Buffer of the contract that uses them.
/// @dev For `smartvm solc`, which puts the instruction in the place of each function that is
/// declared in assembly here. Any other compiler makes contracts that halt there.
library SmartVM {
    /// @notice Items that are not a whole number of integers of that many bytes.
    error NotWholeItems(uint256 size, uint256 itemBytes);

    // Words

    /// @notice The weights in Storage from a block on.
    function inStorage(uint64 firstBlock) internal pure returns (Tensor) {
        return Tensor.wrap(firstBlock);
    }

    /// @notice A map of the Buffer, counted from the top, 0 being the top map before the
    /// instruction.
    function inBuffer(uint64 depth) internal pure returns (Tensor) {
        return Tensor.wrap(uint256(depth) | (1 << 192));
    }

    /// @notice Words of 32 bytes in Memory.
    function inMemory(uint64 offset) internal pure returns (Tensor) {
        return Tensor.wrap(uint256(offset) | (2 << 192));
    }

    /// @notice No tensor: `fullCon` without a bias.
    function none() internal pure returns (Tensor) {
        return Tensor.wrap(0);
    }

    /// @notice The same tensor with rows and columns (channels and plane, length and 0).
    function shaped(Tensor tensor, uint64 rows, uint64 columns) internal pure returns (Tensor) {
        uint256 place = Tensor.unwrap(tensor) & ~(uint256(type(uint128).max) << 64);
        return Tensor.wrap(place | (uint256(rows) << 64) | (uint256(columns) << 128));
    }

    /// @notice The same tensor, read as its transpose.
    function transposed(Tensor tensor) internal pure returns (Tensor) {
        return Tensor.wrap(Tensor.unwrap(tensor) ^ (4 << 192));
    }

    /// @notice One length for every axis.
    function every(uint64 length) internal pure returns (Spatial) {
        return Spatial.wrap(length);
    }

    /// @notice Height and width.
    function plane(uint64 height, uint64 width) internal pure returns (Spatial) {
        return Spatial.wrap(Fields.unwrap(fields(height, width, 0, 1)));
    }

    /// @notice Height, width and depth.
    function volume(uint64 height, uint64 width, uint64 depth) internal pure returns (Spatial) {
        return Spatial.wrap(Fields.unwrap(fields(height, width, depth, 1)));
    }

    /// @notice As many cells on every side.
    function around(uint64 cells) internal pure returns (Padding) {
        return Padding.wrap(cells);
    }

    /// @notice Cells above, below, left and right; fewer than 0 crop.
    function sides(int32 top, int32 bottom, int32 left, int32 right)
        internal
        pure
        returns (Padding)
    {
        return sides(top, bottom, left, right, 0, 0);
    }

    /// @notice The same, and in front and behind.
    function sides(int32 top, int32 bottom, int32 left, int32 right, int32 front, int32 back)
        internal
        pure
        returns (Padding)
    {
        Fields word = fields(_axis(top, bottom), _axis(left, right), _axis(front, back), 1);
        return Padding.wrap(Fields.unwrap(word));
    }

    function _axis(int32 before, int32 behind) private pure returns (uint64) {
        return uint64(uint32(before)) | (uint64(uint32(behind)) << 32);
    }

    /// @notice A word of four fields, f0 first.
    function fields(uint64 f0, uint64 f1, uint64 f2, uint64 f3) internal pure returns (Fields) {
        return Fields.wrap(
            uint256(f0) | (uint256(f1) << 64) | (uint256(f2) << 128) | (uint256(f3) << 192)
        );
    }

    /// @notice A word of four signed fields, f0 first.
    function signedFields(int64 f0, int64 f1, int64 f2, int64 f3) internal pure returns (Fields) {
        return fields(uint64(f0), uint64(f1), uint64(f2), uint64(f3));
    }

    // Of several instructions

    /// @notice Push a map of packed big-endian integers.
    /// @param items the integers.
    /// @param itemBytes bytes of each, 1 to 32.
    /// @param isUnsigned whether they are unsigned.
    function load(bytes memory items, uint64 itemBytes, bool isUnsigned) internal pure {
        if (itemBytes == 0 || items.length % itemBytes != 0) {
            revert NotWholeItems(items.length, itemBytes);
        }
        uint256 offset;
        assembly ("memory-safe") {
            offset := add(items, 32)
        }
        mtob(offset, uint64(items.length / itemBytes), itemBytes, isUnsigned ? 1 : 0);
    }

    /// @notice Push a map of integers.
    function load(int256[] memory items) internal pure {
        uint256 offset;
        assembly ("memory-safe") {
            offset := add(items, 32)
        }
        mtob(offset, uint64(items.length));
    }

    /// @notice The first items of the top map, which stays.
    function read(uint64 count) internal pure returns (int256[] memory items) {
        items = new int256[](count);
        uint256 offset;
        assembly ("memory-safe") {
            offset := add(items, 32)
        }
        if (count > 0) btom(offset, count, 32); // 0 would be all items
    }

    /// @notice The index of the greatest item of a vector, the first of equal ones; the vector
    /// gives way to it.
    /// @param length items of the top map.
    function argMax(uint64 length) internal pure returns (uint256) {
        bufReduce(3, length, 1);
        return uint256(btos0(0));
    }

    /// @notice Write a weight block of the contract from packed big-endian signed integers.
    /// @param number the block's number.
    /// @param items the integers.
    /// @param itemBytes bytes of each, 1 to 32, also in the block.
    function writeBlock(uint64 number, bytes memory items, uint64 itemBytes) internal {
        load(items, itemBytes, false);
        btos1(0, number, 0, itemBytes, 0);
        bufFree();
    }

    /// @notice Delete a weight block of the contract, if it is there.
    function deleteBlock(uint64 number) internal {
        btos1(0, number, 0, 0, 1);
    }

    /// @notice Convolve each channel with its own kernels (depthwise).
    /// @dev CONV_SING, 0x21. Gas: blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x) + out
    /// * limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param groups groups, default 1.
    /// @param outChannels channels of the result, default in_channels.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    /// @param dilation step between the cells of a window, default 1.
    function convSing(
        Tensor weights,
        uint64 inChannels,
        uint64 groups,
        uint256 outChannels,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding,
        Spatial dilation
    ) internal view {
        Fields word1 = fields(inChannels, groups, 0, 0);
        assembly ("memory-safe") {
            function conv_sing($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_sing(weights, word1, outChannels, size, kernel, stride, padding, dilation)
        }
    }

    /// @notice Convolve each channel with its own kernels (depthwise).
    /// @dev CONV_SING, 0x21. Gas: blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x) + out
    /// * limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param outChannels channels of the result, default in_channels.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    function convSing(
        uint64 weights,
        uint64 inChannels,
        uint256 outChannels,
        uint64 size,
        uint64 kernel,
        uint64 stride,
        uint64 padding
    ) internal view {
        uint256 word0 = weights;
        uint256 word1 = inChannels;
        uint256 word3 = size;
        uint256 word4 = kernel;
        uint256 word5 = stride;
        uint256 word6 = padding;
        assembly ("memory-safe") {
            function conv_sing($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_sing(word0, word1, outChannels, word3, word4, word5, word6, 0)
        }
    }

    /// @notice Convolve all channels of a group into each output channel.
    /// @dev CONV_MUL, 0x22. Gas: blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x) + out
    /// * limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param groups groups, default 1.
    /// @param outChannels channels of the result.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    /// @param dilation step between the cells of a window, default 1.
    function convMul(
        Tensor weights,
        uint64 inChannels,
        uint64 groups,
        uint256 outChannels,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding,
        Spatial dilation
    ) internal view {
        Fields word1 = fields(inChannels, groups, 0, 0);
        assembly ("memory-safe") {
            function conv_mul($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_mul(weights, word1, outChannels, size, kernel, stride, padding, dilation)
        }
    }

    /// @notice Convolve all channels of a group into each output channel.
    /// @dev CONV_MUL, 0x22. Gas: blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x) + out
    /// * limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param outChannels channels of the result.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    function convMul(
        uint64 weights,
        uint64 inChannels,
        uint256 outChannels,
        uint64 size,
        uint64 kernel,
        uint64 stride,
        uint64 padding
    ) internal view {
        uint256 word0 = weights;
        uint256 word1 = inChannels;
        uint256 word3 = size;
        uint256 word4 = kernel;
        uint256 word5 = stride;
        uint256 word6 = padding;
        assembly ("memory-safe") {
            function conv_mul($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_mul(word0, word1, outChannels, word3, word4, word5, word6, 0)
        }
    }

    /// @notice Convolve over depth, height and width.
    /// @dev CONV_3D, 0x23. Gas: blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x) + out *
    /// limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param groups groups, default 1.
    /// @param outChannels channels of the result.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    /// @param dilation step between the cells of a window, default 1.
    function conv3d(
        Tensor weights,
        uint64 inChannels,
        uint64 groups,
        uint256 outChannels,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding,
        Spatial dilation
    ) internal view {
        Fields word1 = fields(inChannels, groups, 0, 0);
        assembly ("memory-safe") {
            function conv_3d($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_3d(weights, word1, outChannels, size, kernel, stride, padding, dilation)
        }
    }

    /// @notice Convolve over depth, height and width.
    /// @dev CONV_3D, 0x23. Gas: blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x) + out *
    /// limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param outChannels channels of the result.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    function conv3d(
        uint64 weights,
        uint64 inChannels,
        uint256 outChannels,
        uint64 size,
        uint64 kernel,
        uint64 stride,
        uint64 padding
    ) internal view {
        uint256 word0 = weights;
        uint256 word1 = inChannels;
        uint256 word3 = size;
        uint256 word4 = kernel;
        uint256 word5 = stride;
        uint256 word6 = padding;
        assembly ("memory-safe") {
            function conv_3d($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_3d(word0, word1, outChannels, word3, word4, word5, word6, 0)
        }
    }

    /// @notice Transposed convolution.
    /// @dev CONV_TPD, 0x24. Gas: 100 + blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x)
    /// + out * limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param groups groups, default 1.
    /// @param outChannels channels of the result.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    /// @param dilation step between the cells of a window, default 1.
    function convTpd(
        Tensor weights,
        uint64 inChannels,
        uint64 groups,
        uint256 outChannels,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding,
        Spatial dilation
    ) internal view {
        Fields word1 = fields(inChannels, groups, 0, 0);
        assembly ("memory-safe") {
            function conv_tpd($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_tpd(weights, word1, outChannels, size, kernel, stride, padding, dilation)
        }
    }

    /// @notice Transposed convolution.
    /// @dev CONV_TPD, 0x24. Gas: 100 + blocks + MACs * limbs(x) * limbs(w)/64 + (padded * limbs(x)
    /// + out * limbs(out))/16.
    /// @param weights where the kernels are.
    /// @param inChannels channels of the map.
    /// @param outChannels channels of the result.
    /// @param size size of the map's planes.
    /// @param kernel size of the kernels, default 1.
    /// @param stride step between windows, default 1.
    /// @param padding zeros around the plane, default 0.
    function convTpd(
        uint64 weights,
        uint64 inChannels,
        uint256 outChannels,
        uint64 size,
        uint64 kernel,
        uint64 stride,
        uint64 padding
    ) internal view {
        uint256 word0 = weights;
        uint256 word1 = inChannels;
        uint256 word3 = size;
        uint256 word4 = kernel;
        uint256 word5 = stride;
        uint256 word6 = padding;
        assembly ("memory-safe") {
            function conv_tpd($weights, $in_channels, $out_channels, $size, $kernel, $stride,
                $padding, $dilation) { mstore(0, 0) pop(sload(0)) invalid() }
            conv_tpd(word0, word1, outChannels, word3, word4, word5, word6, 0)
        }
    }

    /// @notice Greatest cell of each window.
    /// @dev POOL_MAX, 0x25. Gas: (padded + out * window) * limbs/16.
    /// @param channels channels.
    /// @param flags flags: 1 ceil mode, 2 count padding.
    /// @param dilation dilation, default 1.
    /// @param size size of the map's planes.
    /// @param kernel size of the windows, default the whole plane.
    /// @param stride step between windows, default the kernel.
    /// @param padding cells around the plane, default 0.
    function poolMax(
        uint64 channels,
        uint64 flags,
        uint64 dilation,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding
    ) internal pure {
        Fields word0 = fields(channels, flags, dilation, 0);
        assembly ("memory-safe") {
            function pool_max($channels, $size, $kernel, $stride, $padding) { mstore(0, 0)
                invalid() }
            pool_max(word0, size, kernel, stride, padding)
        }
    }

    /// @notice Greatest cell of each window.
    /// @dev POOL_MAX, 0x25. Gas: (padded + out * window) * limbs/16.
    /// @param channels channels.
    /// @param size size of the map's planes.
    /// @param kernel size of the windows, default the whole plane.
    /// @param stride step between windows, default the kernel.
    function poolMax(uint64 channels, uint64 size, uint64 kernel, uint64 stride) internal pure {
        uint256 word0 = channels;
        uint256 word1 = size;
        uint256 word2 = kernel;
        uint256 word3 = stride;
        assembly ("memory-safe") {
            function pool_max($channels, $size, $kernel, $stride, $padding) { mstore(0, 0)
                invalid() }
            pool_max(word0, word1, word2, word3, 0)
        }
    }

    /// @notice Average of each window, truncated as SDIV.
    /// @dev POOL_AVG, 0x26. Gas: (padded + out * window) * limbs/16 + out * limbs/4.
    /// @param channels channels.
    /// @param flags flags: 1 ceil mode, 2 count padding.
    /// @param dilation dilation, default 1.
    /// @param size size of the map's planes.
    /// @param kernel size of the windows, default the whole plane.
    /// @param stride step between windows, default the kernel.
    /// @param padding cells around the plane, default 0.
    function poolAvg(
        uint64 channels,
        uint64 flags,
        uint64 dilation,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding
    ) internal pure {
        Fields word0 = fields(channels, flags, dilation, 0);
        assembly ("memory-safe") {
            function pool_avg($channels, $size, $kernel, $stride, $padding) { mstore(0, 0)
                invalid() }
            pool_avg(word0, size, kernel, stride, padding)
        }
    }

    /// @notice Average of each window, truncated as SDIV.
    /// @dev POOL_AVG, 0x26. Gas: (padded + out * window) * limbs/16 + out * limbs/4.
    /// @param channels channels.
    /// @param size size of the map's planes.
    /// @param kernel size of the windows, default the whole plane.
    /// @param stride step between windows, default the kernel.
    function poolAvg(uint64 channels, uint64 size, uint64 kernel, uint64 stride) internal pure {
        uint256 word0 = channels;
        uint256 word1 = size;
        uint256 word2 = kernel;
        uint256 word3 = stride;
        assembly ("memory-safe") {
            function pool_avg($channels, $size, $kernel, $stride, $padding) { mstore(0, 0)
                invalid() }
            pool_avg(word0, word1, word2, word3, 0)
        }
    }

    /// @notice Greatest cell of each of overlapping windows (stride < kernel).
    /// @dev POOL_OL, 0x27. Gas: (padded + out * window) * limbs/16.
    /// @param channels channels.
    /// @param flags flags: 1 ceil mode, 2 count padding.
    /// @param dilation dilation, default 1.
    /// @param size size of the map's planes.
    /// @param kernel size of the windows, default the whole plane.
    /// @param stride step between windows, default the kernel.
    /// @param padding cells around the plane, default 0.
    function poolOl(
        uint64 channels,
        uint64 flags,
        uint64 dilation,
        Spatial size,
        Spatial kernel,
        Spatial stride,
        Padding padding
    ) internal pure {
        Fields word0 = fields(channels, flags, dilation, 0);
        assembly ("memory-safe") {
            function pool_ol($channels, $size, $kernel, $stride, $padding) { mstore(0, 0)
                invalid() }
            pool_ol(word0, size, kernel, stride, padding)
        }
    }

    /// @notice Greatest cell of each of overlapping windows (stride < kernel).
    /// @dev POOL_OL, 0x27. Gas: (padded + out * window) * limbs/16.
    /// @param channels channels.
    /// @param size size of the map's planes.
    /// @param kernel size of the windows, default the whole plane.
    /// @param stride step between windows, default the kernel.
    function poolOl(uint64 channels, uint64 size, uint64 kernel, uint64 stride) internal pure {
        uint256 word0 = channels;
        uint256 word1 = size;
        uint256 word2 = kernel;
        uint256 word3 = stride;
        assembly ("memory-safe") {
            function pool_ol($channels, $size, $kernel, $stride, $padding) { mstore(0, 0)
                invalid() }
            pool_ol(word0, word1, word2, word3, 0)
        }
    }

    /// @notice Fully connected layer: x·Wᵀ + bias for each row.
    /// @dev FULL_CON, 0x28. Gas: blocks + MACs * limbs * limbs/64 + out * limbs(out)/16.
    /// @param weights the matrix, out × in, or in × out where transposed.
    /// @param bias the vector, 0: none (length f1 names block 0).
    /// @param inFeatures features of each row of the map.
    /// @param outFeatures features of each row of the result.
    /// @param rows rows of the map, 0: implied.
    function fullCon(
        Tensor weights,
        Tensor bias,
        uint256 inFeatures,
        uint256 outFeatures,
        uint256 rows
    ) internal view {
        assembly ("memory-safe") {
            function full_con($weights, $bias, $in_features, $out_features, $rows) { mstore(0, 0)
                pop(sload(0)) invalid() }
            full_con(weights, bias, inFeatures, outFeatures, rows)
        }
    }

    /// @notice Fully connected layer: x·Wᵀ + bias for each row.
    /// @dev FULL_CON, 0x28. Gas: blocks + MACs * limbs * limbs/64 + out * limbs(out)/16.
    /// @param weights the matrix, out × in, or in × out where transposed.
    /// @param bias the vector, 0: none (length f1 names block 0).
    /// @param inFeatures features of each row of the map.
    /// @param outFeatures features of each row of the result.
    function fullCon(
        uint64 weights,
        uint64 bias,
        uint256 inFeatures,
        uint256 outFeatures
    ) internal view {
        uint256 word0 = weights;
        uint256 word1 = bias;
        assembly ("memory-safe") {
            function full_con($weights, $bias, $in_features, $out_features, $rows) { mstore(0, 0)
                pop(sload(0)) invalid() }
            full_con(word0, word1, inFeatures, outFeatures, 0)
        }
    }

    /// @notice Push the product of two matrices.
    /// @dev MAT_MUL, 0x29. Gas: blocks + MACs * limbs * limbs/64 + out * limbs(out)/16.
    /// @param a the left matrix with its rows and columns as stored.
    /// @param b the right matrix with its rows and columns as stored.
    function matMul(Tensor a, Tensor b) internal view {
        assembly ("memory-safe") {
            function mat_mul($a, $b) { mstore(0, 0) pop(sload(0)) invalid() }
            mat_mul(a, b)
        }
    }

    /// @notice Softmax over each group, correctly rounded.
    /// @dev ACT_SM0, 0x2a. Gas: 4 * bits + items * (256 + 4 * bits + precision + bits *
    /// precision²/65536)/16.
    /// @param scale the value of 1.
    /// @param group items of a group, default the map.
    function actSm0(uint64 scale, uint64 group) internal pure {
        Fields word0 = fields(scale, group, 0, 0);
        assembly ("memory-safe") {
            function act_sm0($scale) { mstore(0, 0) invalid() }
            act_sm0(word0)
        }
    }

    /// @notice Softmax over each group, correctly rounded.
    /// @dev ACT_SM0, 0x2a. Gas: 4 * bits + items * (256 + 4 * bits + precision + bits *
    /// precision²/65536)/16.
    /// @param scale the value of 1.
    function actSm0(uint64 scale) internal pure {
        uint256 word0 = scale;
        assembly ("memory-safe") {
            function act_sm0($scale) { mstore(0, 0) invalid() }
            act_sm0(word0)
        }
    }

    /// @notice Sigmoid, correctly rounded.
    /// @dev ACT_SM1, 0x2b. Gas: items/4, of a scale beyond 22 bits items * bits/4.
    /// @param scale the value of 1.
    function actSm1(uint64 scale) internal pure {
        uint256 word0 = scale;
        assembly ("memory-safe") {
            function act_sm1($scale) { mstore(0, 0) invalid() }
            act_sm1(word0)
        }
    }

    /// @notice ReLU, capped (ReLU6) or with a negative slope (leaky).
    /// @dev ACT_RL, 0x2c. Gas: items * limbs/16, with a slope also items * limbs/4.
    /// @param cap cap: greatest value, 0: none; ratio for negative items, default 0.
    /// @param slopeNumerator slope numerator: greatest value, 0: none; ratio for negative items,
    /// default 0.
    /// @param slopeDenominator slope denominator: greatest value, 0: none; ratio for negative
    /// items, default 0.
    function actRl(uint64 cap, uint64 slopeNumerator, uint64 slopeDenominator) internal pure {
        Fields word0 = fields(cap, slopeNumerator, slopeDenominator, 0);
        assembly ("memory-safe") {
            function act_rl($cap) { mstore(0, 0) invalid() }
            act_rl(word0)
        }
    }

    /// @notice ReLU, capped (ReLU6) or with a negative slope (leaky).
    /// @dev ACT_RL, 0x2c. Gas: items * limbs/16, with a slope also items * limbs/4.
    function actRl() internal pure {
        assembly ("memory-safe") {
            function act_rl($cap) { mstore(0, 0) invalid() }
            act_rl(0)
        }
    }

    /// @notice Hyperbolic tangent, correctly rounded.
    /// @dev ACT_TANH, 0x2d. Gas: items/4, of a scale beyond 22 bits items * bits/4.
    /// @param scale the value of 1.
    function actTanh(uint64 scale) internal pure {
        uint256 word0 = scale;
        assembly ("memory-safe") {
            function act_tanh($scale) { mstore(0, 0) invalid() }
            act_tanh(word0)
        }
    }

    /// @notice Multiply each item.
    /// @dev BUF_SCL0, 0x2e. Gas: items * limbs(x) * limbs(times)/16.
    /// @param times the factor.
    function bufScl0(int256 times) internal pure {
        assembly ("memory-safe") {
            function buf_scl0($times) { mstore(0, 0) invalid() }
            buf_scl0(times)
        }
    }

    /// @notice Divide each item.
    /// @dev BUF_SCL1, 0x2f. Gas: items * limbs/4.
    /// @param divisor the divisor.
    /// @param rounding 0 truncate as SDIV, 1 nearest.
    function bufScl1(uint64 divisor, uint64 rounding) internal pure {
        Fields word0 = fields(divisor, rounding, 0, 0);
        assembly ("memory-safe") {
            function buf_scl1($divisor) { mstore(0, 0) invalid() }
            buf_scl1(word0)
        }
    }

    /// @notice Divide each item.
    /// @dev BUF_SCL1, 0x2f. Gas: items * limbs/4.
    /// @param divisor the divisor.
    function bufScl1(uint64 divisor) internal pure {
        uint256 word0 = divisor;
        assembly ("memory-safe") {
            function buf_scl1($divisor) { mstore(0, 0) invalid() }
            buf_scl1(word0)
        }
    }

    /// @notice Add an item of the tensor to each plane of the map.
    /// @dev BUF_BIAS, 0x30. Gas: blocks + items * limbs/16.
    /// @param address_ the tensor; f1 channels, default the map's; f2 plane, default 1.
    function bufBias(Tensor address_) internal view {
        assembly ("memory-safe") {
            function buf_bias($address) { mstore(0, 0) pop(sload(0)) invalid() }
            buf_bias(address_)
        }
    }

    /// @notice Add an item of the tensor to each plane of the map.
    /// @dev BUF_BIAS, 0x30. Gas: blocks + items * limbs/16.
    /// @param address_ the tensor; f1 channels, default the map's; f2 plane, default 1.
    function bufBias(uint64 address_) internal view {
        uint256 word0 = address_;
        assembly ("memory-safe") {
            function buf_bias($address) { mstore(0, 0) pop(sload(0)) invalid() }
            buf_bias(word0)
        }
    }

    /// @notice Push a map read from Memory, big-endian and packed.
    /// @dev MTOB, 0x31. Gas: 3 * words + items * limbs/16 + Memory growth.
    /// @param offset where in Memory.
    /// @param count items.
    /// @param itemBytes bytes of each, default 32.
    /// @param unsigned 1: unsigned.
    function mtob(uint256 offset, uint64 count, uint64 itemBytes, uint64 unsigned) internal pure {
        Fields word1 = fields(count, itemBytes, unsigned, 0);
        assembly ("memory-safe") {
            function mtob($offset, $count) { mstore(0, 0) invalid() }
            mtob(offset, word1)
        }
    }

    /// @notice Push a map read from Memory, big-endian and packed.
    /// @dev MTOB, 0x31. Gas: 3 * words + items * limbs/16 + Memory growth.
    /// @param offset where in Memory.
    /// @param count items.
    function mtob(uint256 offset, uint64 count) internal pure {
        uint256 word1 = count;
        assembly ("memory-safe") {
            function mtob($offset, $count) { mstore(0, 0) invalid() }
            mtob(offset, word1)
        }
    }

    /// @notice Write items of the top map to Memory, big-endian and packed.
    /// @dev BTOM, 0x32. Gas: 3 * words + items * limbs/16 + Memory growth.
    /// @param offset where in Memory.
    /// @param count items, default all.
    /// @param itemBytes bytes of each, default 32.
    function btom(uint256 offset, uint64 count, uint64 itemBytes) internal pure {
        Fields word1 = fields(count, itemBytes, 0, 0);
        assembly ("memory-safe") {
            function btom($offset, $count) { mstore(0, 0) invalid() }
            btom(offset, word1)
        }
    }

    /// @notice Write items of the top map to Memory, big-endian and packed.
    /// @dev BTOM, 0x32. Gas: 3 * words + items * limbs/16 + Memory growth.
    /// @param offset where in Memory.
    function btom(uint256 offset) internal pure {
        assembly ("memory-safe") {
            function btom($offset, $count) { mstore(0, 0) invalid() }
            btom(offset, 0)
        }
    }

    /// @notice Push items of the top map to the Stack, the first on top.
    /// @dev BTOS0, 0x33. Gas: items * 16/16.
    /// @param first the first item.
    /// @return item the item.
    function btos0(uint256 first) internal pure returns (int256 item) {
        assembly ("memory-safe") {
            function btos0($first, $count) -> $result0 { mstore(0, 0) invalid() }
            item := btos0(first, 1)
        }
    }

    /// @notice Write items of the top map to Storage as a weight block, or delete a block.
    /// @dev BTOS1, 0x34. Gas: 22,100 new or 5,000 changed + 200 * bytes + items * limbs/16.
    /// @param first the first item.
    /// @param block_ the number of the block.
    /// @param count items, default the rest.
    /// @param itemBytes bytes of each, default the narrowest.
    /// @param delete_ 1: delete.
    function btos1(
        uint64 first,
        uint64 block_,
        uint64 count,
        uint64 itemBytes,
        uint64 delete_
    ) internal {
        Fields word0 = fields(first, block_, 0, 0);
        Fields word1 = fields(count, itemBytes, delete_, 0);
        assembly ("memory-safe") {
            function btos1($first, $count) { mstore(0, 0) sstore(0, 0) invalid() }
            btos1(word0, word1)
        }
    }

    /// @notice Write items of the top map to Storage as a weight block, or delete a block.
    /// @dev BTOS1, 0x34. Gas: 22,100 new or 5,000 changed + 200 * bytes + items * limbs/16.
    /// @param block_ the number of the block.
    function btos1(uint64 block_) internal {
        Fields word0 = fields(0, block_, 0, 0);
        assembly ("memory-safe") {
            function btos1($first, $count) { mstore(0, 0) sstore(0, 0) invalid() }
            btos1(word0, 0)
        }
    }

    /// @notice Set the last items to zero.
    /// @dev BUF_CLS, 0x35. Gas: items * limbs/16.
    /// @param count items, default all.
    function bufCls(uint256 count) internal pure {
        assembly ("memory-safe") {
            function buf_cls($count) { mstore(0, 0) invalid() }
            buf_cls(count)
        }
    }

    /// @notice Set the last items to zero.
    /// @dev BUF_CLS, 0x35. Gas: items * limbs/16.
    function bufCls() internal pure {
        assembly ("memory-safe") {
            function buf_cls($count) { mstore(0, 0) invalid() }
            buf_cls(0)
        }
    }

    /// @notice Set every item to a value.
    /// @dev BUF_FIL, 0x36. Gas: items * limbs/16.
    /// @param value the value.
    function bufFil(int256 value) internal pure {
        assembly ("memory-safe") {
            function buf_fil($value) { mstore(0, 0) invalid() }
            buf_fil(value)
        }
    }

    /// @notice Drop all maps and push one zero map.
    /// @dev BUF_INIT, 0x37. Gas: items/16.
    /// @param size items; 0: leave the Buffer empty.
    function bufInit(uint256 size) internal pure {
        assembly ("memory-safe") {
            function buf_init($size) { mstore(0, 0) invalid() }
            buf_init(size)
        }
    }

    /// @notice Push a zero map.
    /// @dev BUF_ALLO, 0x38. Gas: items/16.
    /// @param size items, at least 1.
    function bufAllo(uint256 size) internal pure {
        assembly ("memory-safe") {
            function buf_allo($size) { mstore(0, 0) invalid() }
            buf_allo(size)
        }
    }

    /// @notice Release the last items of the top map, or a whole map.
    /// @dev BUF_FREE, 0x39. Gas: items left * limbs/16.
    /// @param size items, default all.
    /// @param mode mode 1: the map that many below the top.
    function bufFree(uint64 size, uint64 mode) internal pure {
        Fields word0 = fields(size, 0, 0, mode);
        assembly ("memory-safe") {
            function buf_free($size) { mstore(0, 0) invalid() }
            buf_free(word0)
        }
    }

    /// @notice Release the last items of the top map, or a whole map.
    /// @dev BUF_FREE, 0x39. Gas: items left * limbs/16.
    function bufFree() internal pure {
        assembly ("memory-safe") {
            function buf_free($size) { mstore(0, 0) invalid() }
            buf_free(0)
        }
    }

    /// @notice Push a copy of items of the top map, or of a whole map.
    /// @dev BUF_COPY, 0x3a. Gas: items * limbs/16.
    /// @param start first item.
    /// @param mode mode 1: the whole map that many below the top.
    /// @param end the item after the last, default the length.
    function bufCopy(uint64 start, uint64 mode, uint256 end) internal pure {
        Fields word0 = fields(start, 0, 0, mode);
        assembly ("memory-safe") {
            function buf_copy($start, $end) { mstore(0, 0) invalid() }
            buf_copy(word0, end)
        }
    }

    /// @notice Push a copy of items of the top map, or of a whole map.
    /// @dev BUF_COPY, 0x3a. Gas: items * limbs/16.
    function bufCopy() internal pure {
        assembly ("memory-safe") {
            function buf_copy($start, $end) { mstore(0, 0) invalid() }
            buf_copy(0, 0)
        }
    }

    /// @notice Take the items of a strided view: transpose, slice, broadcast, flip.
    /// @dev BUF_VIEW, 0xc0. Gas: out * limbs/16.
    /// @param offset the map's item at index 0.
    /// @param d0ToD3 lengths of the axes, the fastest first, default 1.
    /// @param s0ToS3 items of the map from one index to the next, default 0.
    /// @param d4ToD7 lengths of four further axes, default 1.
    /// @param s4ToS7 their steps, default 0.
    function bufView(
        uint256 offset,
        Fields d0ToD3,
        Fields s0ToS3,
        Fields d4ToD7,
        Fields s4ToS7
    ) internal pure {
        assembly ("memory-safe") {
            function buf_view($offset, $d0, $s0, $d4, $s4) { mstore(0, 0) invalid() }
            buf_view(offset, d0ToD3, s0ToS3, d4ToD7, s4ToS7)
        }
    }

    /// @notice Take the items of a strided view: transpose, slice, broadcast, flip.
    /// @dev BUF_VIEW, 0xc0. Gas: out * limbs/16.
    /// @param offset the map's item at index 0.
    /// @param d0ToD3 lengths of the axes, the fastest first, default 1.
    /// @param s0ToS3 items of the map from one index to the next, default 0.
    function bufView(uint256 offset, Fields d0ToD3, Fields s0ToS3) internal pure {
        assembly ("memory-safe") {
            function buf_view($offset, $d0, $s0, $d4, $s4) { mstore(0, 0) invalid() }
            buf_view(offset, d0ToD3, s0ToS3, 0, 0)
        }
    }

    /// @notice Join the top maps, the deepest first, row by row.
    /// @dev BUF_CAT, 0xc1. Gas: 4 * maps + out * limbs/16.
    /// @param maps maps, at least 2.
    /// @param outer rows of each, default 1.
    function bufCat(uint64 maps, uint64 outer) internal pure {
        Fields word0 = fields(maps, outer, 0, 0);
        assembly ("memory-safe") {
            function buf_cat($maps) { mstore(0, 0) invalid() }
            buf_cat(word0)
        }
    }

    /// @notice Join the top maps, the deepest first, row by row.
    /// @dev BUF_CAT, 0xc1. Gas: 4 * maps + out * limbs/16.
    /// @param maps maps, at least 2.
    function bufCat(uint64 maps) internal pure {
        uint256 word0 = maps;
        assembly ("memory-safe") {
            function buf_cat($maps) { mstore(0, 0) invalid() }
            buf_cat(word0)
        }
    }

    /// @notice Replace each index by the row of a tensor that it names.
    /// @dev BUF_GATHER, 0xc2. Gas: blocks + (items * limbs + out * limbs(data))/16.
    /// @param data the tensor with its rows and, default 1, columns.
    function bufGather(Tensor data) internal view {
        assembly ("memory-safe") {
            function buf_gather($data) { mstore(0, 0) pop(sload(0)) invalid() }
            buf_gather(data)
        }
    }

    /// @notice Multiply by a tensor, an item of it each plane.
    /// @dev BUF_MUL, 0xc3. Gas: blocks + items * (limbs(x) * limbs(w) + limbs(out))/16.
    /// @param address_ the tensor: channels, default all of the map; plane, default 1.
    function bufMul(Tensor address_) internal view {
        assembly ("memory-safe") {
            function buf_mul($address) { mstore(0, 0) pop(sload(0)) invalid() }
            buf_mul(address_)
        }
    }

    /// @notice Multiply by a tensor, an item of it each plane.
    /// @dev BUF_MUL, 0xc3. Gas: blocks + items * (limbs(x) * limbs(w) + limbs(out))/16.
    /// @param address_ the tensor: channels, default all of the map; plane, default 1.
    function bufMul(uint64 address_) internal view {
        uint256 word0 = address_;
        assembly ("memory-safe") {
            function buf_mul($address) { mstore(0, 0) pop(sload(0)) invalid() }
            buf_mul(word0)
        }
    }

    /// @notice Divide by a tensor, an item of it each plane.
    /// @dev BUF_DIV, 0xc4. Gas: blocks + items * (limbs(x) + limbs(w))/4.
    /// @param address_ the tensor: channels, default all of the map; plane, default 1.
    /// @param rounding 0 truncate as SDIV, 1 nearest even.
    function bufDiv(Tensor address_, uint64 rounding) internal view {
        uint256 word1 = rounding;
        assembly ("memory-safe") {
            function buf_div($address, $rounding) { mstore(0, 0) pop(sload(0)) invalid() }
            buf_div(address_, word1)
        }
    }

    /// @notice Bring each item between two numbers.
    /// @dev BUF_CLIP, 0xc5. Gas: items * limbs/16.
    /// @param low the least result.
    /// @param high the greatest result.
    function bufClip(int256 low, int256 high) internal pure {
        assembly ("memory-safe") {
            function buf_clip($low, $high) { mstore(0, 0) invalid() }
            buf_clip(low, high)
        }
    }

    /// @notice Sum, extreme or index of the extreme along an axis.
    /// @dev BUF_REDUCE, 0xc6. Gas: items * limbs/16.
    /// @param kind 0 sum, 1 max, 2 min, 3 arg-max, 4 arg-min, 11 and 12 the last of these.
    /// @param axis length of the axis.
    /// @param inner items after it, default 1.
    function bufReduce(uint64 kind, uint64 axis, uint64 inner) internal pure {
        Fields word0 = fields(kind, axis, inner, 0);
        assembly ("memory-safe") {
            function buf_reduce($kind) { mstore(0, 0) invalid() }
            buf_reduce(word0)
        }
    }

    /// @notice Push the products of a batch of pairs of matrices.
    /// @dev MAT_BMM, 0xc7. Gas: blocks + MACs * limbs * limbs/64 + out * limbs(out)/16.
    /// @param a the left matrices with the rows and columns of each as stored.
    /// @param b the right matrices with the rows and columns of each as stored.
    /// @param batch pairs of matrices, default 1.
    function matBmm(Tensor a, Tensor b, uint256 batch) internal view {
        assembly ("memory-safe") {
            function mat_bmm($a, $b, $batch) { mstore(0, 0) pop(sload(0)) invalid() }
            mat_bmm(a, b, batch)
        }
    }

    /// @notice Exponential, logarithm, square root or error function, correctly rounded.
    /// @dev ACT_FUN, 0xc8. Gas: items/4, beyond 22 bits items * 24.
    /// @param scale the value of 1.
    /// @param function_ 0 exp, 1 log, 2 sqrt, 3 erf.
    function actFun(uint64 scale, uint64 function_) internal pure {
        Fields word0 = fields(scale, function_, 0, 0);
        assembly ("memory-safe") {
            function act_fun($scale) { mstore(0, 0) invalid() }
            act_fun(word0)
        }
    }
}
