// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SmartVM} from "smartvm/SmartVM.sol";

/// @title A prize for the first model that is accurate enough, in the manner of DanKu.
/// @notice The buyer commits to a test set and pays the prize in. Sellers hand in weights, which
/// nobody can change again. Then the buyer shows the test set, the contract runs every model on all
/// of it, and the owner of the first one that reaches the accuracy is paid. A buyer who does not
/// show the test set in time loses the prize to the first seller.
contract Market {
    uint64 constant INPUTS = 64;
    uint64 constant HIDDEN = 32;
    uint64 constant CLASSES = 10;
    uint64 constant BLOCKS = 4;
    uint64 constant SCALE = 256;

    address public immutable buyer = msg.sender;
    bytes32 public immutable commitment;
    uint256 public immutable required;
    uint256 public immutable lastSubmission;
    uint256 public immutable lastReveal;
    address[] public sellers;
    uint256 public evaluated;
    address public winner;

    event Submitted(uint256 indexed model, address indexed seller);
    event Evaluated(uint256 indexed model, uint256 correct);
    event Won(address indexed winner);

    /// @param commitment_ keccak256(abi.encode(images, labels, salt)).
    /// @param required_ how many labels of the test set a model must give.
    /// @param submitFor blocks from now in which models may be handed in.
    /// @param revealFor blocks after that in which the test set may be shown.
    constructor(bytes32 commitment_, uint256 required_, uint256 submitFor, uint256 revealFor)
        payable
    {
        commitment = commitment_;
        required = required_;
        lastSubmission = block.number + submitFor;
        lastReveal = block.number + submitFor + revealFor;
    }

    /// @notice Hand in a network of 64 inputs (0 to 16), 32 hidden features with ReLU and 10
    /// classes: weights of 2 bytes, biases of 4, at a scale of 256.
    function submit(bytes[4] calldata items) external returns (uint256 model) {
        require(block.number <= lastSubmission, "no more models are taken");
        require(
            items[0].length == 2 * INPUTS * HIDDEN && items[1].length == 4 * HIDDEN
                && items[2].length == 2 * HIDDEN * CLASSES && items[3].length == 4 * CLASSES,
            "expected other sizes"
        );
        model = sellers.length;
        sellers.push(msg.sender);
        for (uint64 i = 0; i < BLOCKS; i++) {
            SmartVM.writeBlock(_block(model) + i, items[i], i % 2 == 0 ? 2 : 4);
        }
        emit Submitted(model, msg.sender);
    }

    /// @notice Show the test set, and run the models on it up to the first that reaches the
    /// accuracy.
    /// @param atMost how many models to run now: a block may hold too little gas for all.
    function reveal(bytes calldata images, bytes calldata labels, bytes32 salt, uint256 atMost)
        external
    {
        require(block.number > lastSubmission && block.number <= lastReveal, "not the time for it");
        require(winner == address(0), "there is a winner");
        require(keccak256(abi.encode(images, labels, salt)) == commitment, "another test set");
        uint256 end = evaluated + atMost;
        while (evaluated < sellers.length && evaluated < end) {
            uint256 model = evaluated++;
            uint256 right = correct(model, images, labels);
            emit Evaluated(model, right);
            if (right >= required) return _win(sellers[model]);
        }
        if (evaluated == sellers.length) _win(buyer);
    }

    /// @notice End a sale whose test set was not shown in time.
    function expire() external {
        require(block.number > lastReveal, "the test set may still be shown");
        require(winner == address(0), "there is a winner");
        _win(sellers.length > 0 ? sellers[0] : buyer);
    }

    function withdraw() external {
        require(msg.sender == winner, "only the winner");
        (bool sent,) = winner.call{value: address(this).balance}("");
        require(sent, "the ether was refused");
    }

    /// @notice How many labels a model gives as they are: one run of the network for all images.
    function correct(uint256 model, bytes calldata images, bytes calldata labels)
        public
        view
        returns (uint256 count)
    {
        uint64 first = _block(model);
        SmartVM.load(images, 1, true);
        SmartVM.fullCon(first, first + 1, INPUTS, HIDDEN);
        SmartVM.actRl();
        SmartVM.bufScl1(SCALE);
        SmartVM.fullCon(first + 2, first + 3, HIDDEN, CLASSES);
        SmartVM.bufReduce(3, CLASSES, 1);
        int256[] memory found = SmartVM.read(uint64(labels.length));
        SmartVM.bufFree();
        for (uint256 i = 0; i < labels.length; i++) {
            if (found[i] == int256(uint256(uint8(labels[i])))) count++;
        }
    }

    /// @dev The first of a model's blocks.
    function _block(uint256 model) private pure returns (uint64) {
        return 1 + BLOCKS * uint64(model);
    }

    function _win(address who) private {
        winner = who;
        emit Won(who);
    }
}
