# What the language lets a contract know of its surroundings, and who asks.

event Seen:
    what: indexed(String[16])
    number: uint256


@external
@payable
def message() -> (address, uint256, uint256, address, uint256, Bytes[64]):
    return (
        msg.sender,
        msg.value,
        len(msg.data),
        tx.origin,
        tx.gasprice,
        slice(msg.data, 0, 4),
    )


@external
@view
def block_facts() -> (uint256, uint256, address, bytes32, uint256, uint256, uint256, uint256):
    return (
        block.number,
        block.timestamp,
        block.coinbase,
        block.prevrandao,
        block.gaslimit,
        block.basefee,
        block.blobbasefee,
        chain.id,
    )


@external
@view
def ancestors() -> (bytes32, bytes32):
    return block.prevhash, blockhash(block.number - 2)


@external
@view
def account(target: address) -> (uint256, uint256, bytes32, bool):
    return target.balance, target.codesize, target.codehash, target.is_contract


@external
@view
def code_of(target: address) -> Bytes[40]:
    return slice(target.code, 5, 40)


@external
@view
def own_code() -> Bytes[128]:
    return slice(self.code, 3, 100)


@external
@view
def blob(index: uint256) -> bytes32:
    return blobhash(index)


@external
@payable
def tell(index: uint256):
    log Seen(what="number", number=block.number)
    log Seen(what="time", number=block.timestamp)
    log Seen(what="balance", number=self.balance)
    log Seen(what="gas", number=msg.gas)
    log Seen(what="price", number=tx.gasprice)
    log Seen(what="fee", number=block.basefee + block.blobbasefee)
    log Seen(what="random", number=convert(block.prevrandao, uint256))
    log Seen(what="parent", number=convert(block.prevhash, uint256))
    log Seen(what="coinbase", number=convert(block.coinbase, uint256))
    log Seen(what="blob", number=convert(blobhash(index), uint256))
    log Seen(what="origin", number=convert(tx.origin, uint256))
