# Transient storage, calls of each kind, self-destruction, precompiles, failures, recursion.

interface Features:
    def descend(depth: uint256) -> uint256: nonpayable

counter: public(uint256)
scratch: transient(uint256)
payload: Bytes[256]


@external
@payable
def __default__():
    raw_log([keccak256("default"), convert(msg.sender, bytes32)], convert(msg.value, bytes32))


@external
def remember_briefly(amount: uint256) -> uint256:
    self.scratch = amount
    raw_call(self, method_id("double_scratch()"))
    return self.scratch


@external
def double_scratch():
    self.scratch *= 2


@external
@view
def read_scratch() -> uint256:
    return self.scratch


@external
def count():
    self.counter += 1


@external
def keep(payload: Bytes[256]) -> uint256:
    self.payload = payload
    return len(self.payload)


@external
@payable
def forward(target: address, data: Bytes[256], kind: uint256) -> (bool, Bytes[256]):
    ok: bool = False
    answer: Bytes[256] = b""
    if kind == 0:
        ok, answer = raw_call(
            target, data, max_outsize=256, value=msg.value, revert_on_failure=False
        )
    elif kind == 1:
        ok, answer = raw_call(
            target, data, max_outsize=256, is_static_call=True, revert_on_failure=False
        )
    else:
        ok, answer = raw_call(
            target, data, max_outsize=256, is_delegate_call=True, revert_on_failure=False
        )
    return ok, answer


@external
def forward_with(target: address, data: Bytes[256], limit: uint256) -> bool:
    ok: bool = raw_call(target, data, gas=limit, revert_on_failure=False)
    self.counter += 1
    return ok


@external
def fail(kind: uint256):
    self.counter = 99
    if kind == 0:
        raise "a reason"
    elif kind == 1:
        raw_revert(b"raw bytes of a reason")
    elif kind == 2:
        raise
    elif kind == 3:
        assert kind != 3, UNREACHABLE
    x: uint256 = 1 // (kind - kind)


@external
def descend(depth: uint256) -> uint256:
    if depth == 0:
        self.counter += 1
        return 0
    return 1 + extcall Features(self).descend(depth - 1)


@external
def descend_for_ever() -> bool:
    self.counter += 1
    return raw_call(self, method_id("descend_for_ever()"), revert_on_failure=False)


@external
def burn_gas():
    for i: uint256 in range(max_value(uint256)):
        self.counter += i


@external
def destroy(beneficiary: address):
    selfdestruct(beneficiary)


@external
@view
def hashes(data: Bytes[256]) -> (bytes32, bytes32):
    return keccak256(data), sha256(data)


@external
@view
def recover(digest: bytes32, v: uint256, r: uint256, s: uint256) -> address:
    return ecrecover(digest, v, r, s)


@external
@view
def curve(x: uint256, y: uint256, factor: uint256) -> uint256[2]:
    return ecmul(ecadd([x, y], [x, y]), factor)
