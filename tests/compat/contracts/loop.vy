# Arithmetic in loops: every operator of the language, over Storage, Memory and the Stack.

digest: public(bytes32)
history: public(uint256[16])


@external
@pure
def modular(rounds: uint256, base: uint256, modulus: uint256) -> uint256:
    result: uint256 = 1
    for i: uint256 in range(rounds, bound=4096):
        result = uint256_mulmod(result, base, modulus)
        result = uint256_addmod(result, i, modulus)
    return result


@external
@pure
def wrapping(rounds: uint256, seed: uint256) -> uint256:
    x: uint256 = seed
    for i: uint256 in range(rounds, bound=4096):
        x = unsafe_add(unsafe_mul(x, 6364136223846793005), i) ^ (x >> 7)
        x = unsafe_sub(x, x << 3) | (x & 255)
        x = unsafe_div(x, 3) + unsafe_div(~x, 5)
    return x


@external
@pure
def signed(rounds: uint256, seed: int256) -> int256:
    x: int256 = seed
    for i: int256 in range(64):
        if i == convert(rounds, int256):
            break
        x = unsafe_sub(unsafe_mul(x, -3), i) // 7
        x += unsafe_mul(x, x) % 1000003
    return x


@external
@pure
def power(base: uint256, exponent: uint256) -> uint256:
    return pow_mod256(base, exponent)


@external
def remember(rounds: uint256) -> bytes32:
    value: bytes32 = self.digest
    for i: uint256 in range(rounds, bound=256):
        value = keccak256(concat(value, convert(i, bytes32)))
        self.history[i % 16] = convert(value, uint256)
    self.digest = value
    return value


@external
@pure
def sorted(items: DynArray[int128, 32]) -> DynArray[int128, 32]:
    result: DynArray[int128, 32] = items
    for i: uint256 in range(len(result), bound=32):
        for j: uint256 in range(len(result), bound=32):
            if result[i] < result[j]:
                item: int128 = result[i]
                result[i] = result[j]
                result[j] = item
    return result


@external
@pure
def checked(a: uint8, b: uint8) -> uint8:
    return a * b
