// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Padding, SmartVM, Spatial} from "smartvm/SmartVM.sol";

/// @title Rides between riders and drivers, without a company.
/// @notice The fare is held until the driver shows the trajectory of the ride, signed by the
/// tracker that both agreed on. The network judges it: the driver is paid for a smooth ride, else
/// the rider gets the fare back. Riders and drivers govern the network's weights by their votes.
contract Rides {
    enum House { Riders, Drivers }

    struct Ride {
        address rider;
        address driver;
        address tracker;
        uint256 fare;
        uint256 since;
    }

    struct Proposal {
        bytes32 contentHash;
        uint256[2] votes;
        bool enacted;
    }

    uint64 constant SAMPLES = 32;
    uint64 constant KERNELS = 1;
    uint64 constant WEIGHTS = 2;
    uint64 constant BIAS = 3;
    uint64 constant CHANNELS = 2;
    uint64 constant FEATURES = 4;

    mapping(House => mapping(address => bool)) public isMember;
    mapping(House => uint256) public members;
    mapping(address => uint256) public balance;
    mapping(uint256 => mapping(House => mapping(address => bool))) hasVoted;
    Ride[] public rides;
    Proposal[] proposals;

    event Requested(uint256 indexed ride, address indexed rider, address indexed driver);
    event Judged(uint256 indexed ride, bool good, int256 score);
    event Proposed(uint256 indexed proposal, uint64 number, uint64 itemBytes, bytes items);
    event Enacted(uint256 indexed proposal);

    constructor(address[] memory riders, address[] memory drivers) {
        for (uint256 i = 0; i < riders.length; i++) _admit(House.Riders, riders[i]);
        for (uint256 i = 0; i < drivers.length; i++) _admit(House.Drivers, drivers[i]);
    }

    // Rides

    function request(address driver, address tracker) external payable returns (uint256 ride) {
        require(isMember[House.Drivers][driver], "no driver of ours");
        require(tracker != address(0), "expected the address of a tracker");
        ride = rides.length;
        rides.push(Ride(msg.sender, driver, tracker, msg.value, block.timestamp));
        emit Requested(ride, msg.sender, driver);
    }

    /// @param trajectory acceleration forward, then sideways, a byte a sample.
    function finish(uint256 ride, bytes calldata trajectory, bytes32 r, bytes32 s, uint8 v)
        external
    {
        Ride memory it = rides[ride];
        require(msg.sender == it.driver, "only its driver may finish a ride");
        require(ecrecover(digest(ride, trajectory), v, r, s) == it.tracker, "not signed");
        delete rides[ride];
        int256 score = judge(trajectory);
        balance[score >= 0 ? it.driver : it.rider] += it.fare;
        if (score >= 0) _admit(House.Riders, it.rider);
        emit Judged(ride, score >= 0, score);
    }

    /// @notice Give the fare back: the driver at any time, the rider after a day.
    function cancel(uint256 ride) external {
        Ride memory it = rides[ride];
        bool late = msg.sender == it.rider && block.timestamp > it.since + 1 days;
        require(msg.sender == it.driver || late, "only the driver, or the rider after a day");
        delete rides[ride];
        balance[it.rider] += it.fare;
    }

    /// @notice What the tracker signs: no other contract or ride can use it.
    function digest(uint256 ride, bytes calldata trajectory) public view returns (bytes32) {
        bytes32 content = keccak256(abi.encode(block.chainid, address(this), ride, trajectory));
        return keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", content));
    }

    /// @notice How good a ride was, by the network; not below 0 is good.
    function judge(bytes calldata trajectory) public view returns (int256) {
        require(trajectory.length == CHANNELS * SAMPLES, "expected 2 x 32 samples");
        Spatial one = SmartVM.every(1);
        Padding none = SmartVM.around(0);
        Spatial line = SmartVM.plane(1, SAMPLES);
        SmartVM.load(trajectory, 1, false);
        SmartVM.convMul({
            weights: SmartVM.inStorage(KERNELS),
            inChannels: CHANNELS,
            groups: 1,
            outChannels: FEATURES,
            size: line,
            kernel: SmartVM.plane(1, 3),
            stride: one,
            padding: none,
            dilation: one
        });
        SmartVM.actRl();
        Spatial all = SmartVM.plane(1, SAMPLES - 2);
        SmartVM.poolAvg(FEATURES, 0, 0, all, all, one, none);
        SmartVM.fullCon(WEIGHTS, BIAS, FEATURES, 1);
        return SmartVM.btos0(0);
    }

    function withdraw() external {
        uint256 amount = balance[msg.sender];
        balance[msg.sender] = 0;
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, "the ether was refused");
    }

    // Government

    function propose(uint64 number, uint64 itemBytes, bytes calldata items)
        external
        returns (uint256 proposal)
    {
        bool member = isMember[House.Riders][msg.sender] || isMember[House.Drivers][msg.sender];
        require(member, "no member");
        proposal = proposals.length;
        proposals.push().contentHash = keccak256(abi.encode(number, itemBytes, items));
        emit Proposed(proposal, number, itemBytes, items);
    }

    function vote(uint256 proposal, House house) external {
        require(isMember[house][msg.sender], "no member of this house");
        require(!hasVoted[proposal][house][msg.sender], "voted already");
        hasVoted[proposal][house][msg.sender] = true;
        proposals[proposal].votes[uint256(house)]++;
    }

    /// @notice Write the block of a proposal for which more than half of each house has voted.
    function enact(uint256 proposal, uint64 number, uint64 itemBytes, bytes calldata items)
        external
    {
        Proposal storage it = proposals[proposal];
        require(it.contentHash == keccak256(abi.encode(number, itemBytes, items)), "another block");
        require(!it.enacted, "enacted already");
        for (uint256 house = 0; house < 2; house++) {
            require(2 * it.votes[house] > members[House(house)], "no majority in each house");
        }
        it.enacted = true;
        SmartVM.writeBlock(number, items, itemBytes);
        emit Enacted(proposal);
    }

    function _admit(House house, address who) private {
        if (isMember[house][who]) return;
        isMember[house][who] = true;
        members[house]++;
    }
}
