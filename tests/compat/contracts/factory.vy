# Makes contracts in every way that the language has, and calls what it made.

interface Child:
    def owner() -> address: view
    def mint(receiver: address, amount: uint256): nonpayable

event Made:
    child: indexed(address)
    code_hash: bytes32

made: public(DynArray[address, 32])


@internal
def _note(child: address):
    self.made.append(child)
    log Made(child=child, code_hash=child.codehash)


@external
@payable
def proxy(target: address) -> address:
    child: address = create_minimal_proxy_to(target, value=msg.value)
    self._note(child)
    return child


@external
def proxy_at(target: address, salt: bytes32) -> address:
    child: address = create_minimal_proxy_to(target, salt=salt)
    self._note(child)
    return child


@external
def copy(target: address) -> address:
    child: address = create_copy_of(target)
    self._note(child)
    return child


@external
def from_blueprint(blueprint: address, name: String[32], supply: uint256, salt: bytes32) -> address:
    child: address = create_from_blueprint(blueprint, name, supply, salt=salt, code_offset=3)
    self._note(child)
    return child


@external
def try_blueprint(blueprint: address, name: String[32], supply: uint256) -> address:
    child: address = create_from_blueprint(
        blueprint, name, supply, code_offset=3, revert_on_failure=False
    )
    if child != empty(address):
        self._note(child)
    return child


@external
def mint_at(child: address, receiver: address, amount: uint256) -> address:
    extcall Child(child).mint(receiver, amount)
    return staticcall Child(child).owner()
