// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

// Ordinary contracts, each with something that a compiler can get wrong once the code starts with
// five bytes that are none of its own, and eleven instructions have other numbers.

event Seen(string what, address who, uint256 number, bytes data);

contract Child {
    uint256 public number;
    address public immutable maker;

    constructor(uint256 n, string memory word) payable {
        number = n + bytes(word).length;
        maker = msg.sender;
        emit Seen(word, maker, n, msg.data);
    }

    function add(uint256 n) external returns (uint256) {
        require(n != 13, "unlucky");
        return number += n;
    }

    function pay(address payable to) external {
        to.transfer(address(this).balance);
    }
}

contract Children {
    Child[] public made;

    function run(uint256 n) external payable returns (uint256 total, bytes32) {
        for (uint256 i = 0; i < n; i++) {
            Child child = new Child{value: i}(100 * i, "child");
            total += child.add(i) + address(child).balance;
            made.push(child);
        }
        made[n - 1].pay(payable(address(0xbeef)));
        return (total, keccak256(abi.encode(made[0].maker() == address(this))));
    }
}

contract Salted {
    function run(bytes32 salt) external payable returns (bool first, bool again, uint256) {
        Child child = new Child{salt: salt, value: 7}(5, "salted");
        bytes memory code = abi.encodePacked(type(Child).creationCode, abi.encode(5, "salted"));
        bytes memory seed = abi.encodePacked(hex"ff", address(this), salt, keccak256(code));
        first = address(child) == address(uint160(uint256(keccak256(seed))));
        try new Child{salt: salt}(5, "salted") {
            again = true;
        } catch {}
        return (first, again, child.add(1));
    }
}

library Sums {
    function sum(uint256[] storage values) external view returns (uint256 total) {
        for (uint256 i = 0; i < values.length; i++) total += values[i];
    }

    function twice(uint256 n) external pure returns (uint256) {
        return 2 * n;
    }

    function who() external view returns (address, address) {
        return (address(this), msg.sender);
    }
}

contract Linked {
    uint256[] values;

    function run(uint256 n) external returns (uint256, uint256, bool, bool) {
        values.push(n);
        values.push(Sums.twice(n));
        (address here, address by) = Sums.who();
        return (Sums.sum(values), values.length, here == address(this), by == msg.sender);
    }
}

abstract contract Base {
    uint256 internal immutable _a;
    bytes32 internal immutable _b = keccak256("b");

    constructor(uint256 a) {
        _a = a;
    }

    modifier counted() virtual;

    function name() public pure virtual returns (string memory) {
        return "base";
    }
}

contract Immutables is Base {
    address public immutable self;
    uint256 public count;
    function(uint256) view returns (uint256) chosen;

    constructor(uint256 a, bool up) Base(a) {
        self = address(this);
        chosen = up ? _up : _down;
    }

    modifier counted() override {
        count++;
        _;
        count += 10;
    }

    function _up(uint256 n) internal view returns (uint256) {
        return n + _a;
    }

    function _down(uint256 n) internal view returns (uint256) {
        return n - _a;
    }

    function name() public pure override returns (string memory) {
        return string.concat(super.name(), " and a name that needs more than a single word of Storage");
    }

    function run(uint256 n) external counted returns (uint256, bytes32, string memory, bool) {
        return (chosen(n), _b, name(), self == address(this));
    }
}

contract Trying {
    error Odd(uint256 n, bytes why);
    uint256 public kept;

    function inner(uint256 n) external payable returns (uint256) {
        kept = n;
        if (n == 1) revert Odd(n, hex"303132333435363738393a");
        if (n == 2) revert("two");
        if (n == 3) assert(n == 4);
        if (n == 4) return 1 / (n - 4);
        if (n == 5) assembly { invalid() }
        return n;
    }

    function run(uint256 n) external payable returns (string memory, bytes memory, uint256) {
        try this.inner{value: msg.value / 2, gas: 100000}(n) returns (uint256 result) {
            return ("done", "", result);
        } catch Error(string memory reason) {
            return (reason, "", 0);
        } catch Panic(uint256 code) {
            return ("panic", "", code);
        } catch (bytes memory data) {
            return ("bytes", data, data.length);
        }
    }
}

contract Transient {
    uint256 transient depth;
    uint256 public deepest;

    function run(uint256 n) external returns (uint256) {
        depth++;
        if (depth > deepest) deepest = depth;
        if (n > 0) this.run(n - 1);
        assembly {
            tstore(99, add(tload(99), n))
        }
        return depth;
    }
}

contract Delegate {
    uint256 public slot0;
    address public who;

    function set(uint256 n) external payable returns (address, uint256) {
        slot0 = n + msg.value;
        who = msg.sender;
        emit Seen("set", address(this), msg.value, msg.data);
        return (address(this), msg.value);
    }
}

contract Delegating {
    uint256 public slot0;
    address public who;

    function run(uint256 n) external payable returns (bool, bool same) {
        Delegate other = new Delegate();
        (bool ok, bytes memory data) =
            address(other).delegatecall(abi.encodeCall(Delegate.set, (n)));
        (address here, uint256 value) = abi.decode(data, (address, uint256));
        same = here == address(this) && value == msg.value && other.slot0() == 0;
        return (ok, same);
    }
}

contract SelfCopying {
    bytes constant TABLE = hex"303132333435363738393a2122232425262728292a2b2c2d2e2f5bfc444e4e01";
    string constant LONG = "0123456789:0123456789:0123456789: numbers of instructions, as text";
    uint256 constant WIDE = 0x303132333435363738393a303132333435363738393a30313233343536373839;

    function run(uint256 n) external view returns (bytes memory, string memory, uint256, bool) {
        uint256 size;
        bytes32 copied;
        bytes32 external_;
        assembly {
            size := codesize()
            let at := mload(0x40)
            codecopy(at, 0, size)
            copied := keccak256(at, size)
            extcodecopy(address(), at, 0, size)
            external_ := keccak256(at, size)
        }
        bool same = copied == external_ && copied == address(this).codehash;
        return (TABLE, LONG, WIDE ^ n, same && size == address(this).code.length);
    }
}

contract Ether {
    mapping(address => uint256) public paid;
    uint256 public fallbacks;

    receive() external payable {
        paid[msg.sender] += msg.value;
    }

    fallback(bytes calldata data) external payable returns (bytes memory) {
        fallbacks++;
        return abi.encodePacked(data, msg.value, msg.sig);
    }

    function run(address payable to) external payable returns (uint256, bytes memory, bool) {
        (bool sent,) = payable(this).call{value: msg.value / 4}("");
        (bool ok, bytes memory data) = address(this).call{value: 1}(hex"30313233343536");
        to.transfer(msg.value / 8);
        require(tx.gasprice > 0 && tx.origin == msg.sender && block.coinbase.balance >= 0);
        return (address(this).balance + to.balance, data, sent && ok);
    }
}

contract Tables {
    struct Item {
        string name;
        int64[3] values;
        bytes tail;
    }

    enum Side { Left, Right }

    Item[] public items;
    mapping(bytes32 => mapping(uint256 => Item)) byKey;
    mapping(Side => uint8[]) sides;

    event Stored(bytes32 indexed key, Side side, Item item) anonymous;

    function run(Item calldata item, Side side) external returns (Item memory last, bytes memory) {
        bytes32 key = keccak256(bytes(item.name));
        items.push(item);
        byKey[key][items.length] = item;
        sides[side].push(uint8(item.tail[0]));
        emit Stored(key, side, item);
        last = byKey[key][items.length];
        last.values[1] = -last.values[1];
        if (items.length > 1) {
            delete byKey[key][1];
            items.pop();
        }
        return (last, abi.encode(item, side, sides[side]));
    }
}

contract Coding {
    type Price is uint128;

    function run(bytes calldata data, bytes32 r, bytes32 s, uint8 v)
        external
        payable
        returns (address, bytes32, bytes memory, uint256)
    {
        unchecked {
            uint256 sum;
            for (uint256 i = 0; i < data.length; i++) sum = sum * 31 - uint8(data[i]);
            Price price = Price.wrap(uint128(sum));
            bytes32 hash = sha256(data[1:]);
            return (
                ecrecover(hash, v, r, s),
                hash ^ ripemd160(data) ^ bytes32(msg.data.length),
                abi.encodePacked(Price.unwrap(price), msg.sig, data[data.length - 2:]),
                addmod(sum, msg.value, 1e9 + 7)
            );
        }
    }
}

contract Assembly {
    uint256 public total;

    function run(uint256 n) external payable returns (uint256 result) {
        assembly {
            function code(balance_) -> code_ {
                code_ := add(balance_, selfbalance())
            }
            let origin_ := origin()
            if iszero(eq(origin_, caller())) { revert(0, 0) }
            let at := mload(0x40)
            calldatacopy(at, 0, calldatasize())
            mstore(0, xor(keccak256(at, calldatasize()), calldataload(4)))
            switch gt(gasprice(), 0)
            case 0 { result := 1 }
            default { result := code(add(callvalue(), balance(address()))) }
            for { let i := 0 } lt(i, n) { i := add(i, 1) } { result := mulmod(result, 3, 1000003) }
            sstore(total.slot, add(mload(0), codesize()))
            sstore(total.slot, sub(sload(total.slot), codesize()))
            log1(0, 32, result)
        }
    }
}
