"""The storage trie, with leaves of up to a megabyte among slots of a few bytes.

`WeightTrie` is the library's trie with three differences, none of which its contents show: it
reads without copying or decoding more than the path, it can stop at a node that the caller
already holds, and it keeps large leaves out of the library's cache of recent nodes, where some
thousands of them would stay in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from eth_hash.auto import keccak
from eth_typing import Hash32
from rlp.codec import encode_raw, length_prefix
from trie.constants import BLANK_NODE, BLANK_NODE_HASH
from trie.exceptions import MissingTrieNode
from trie.hexary import HexaryTrie
from trie.typing import Nibbles
from trie.utils.nodes import decode_node

LARGE_NODE_BYTES = 1024
"""Only a leaf with a large value is longer: a full branch takes 532 bytes."""
HASH_BYTES = 32

Held = TypeVar("Held")


class Found(NamedTuple, Generic[Held]):
    """Where a walk ended.

    Attributes:
        value: a view of the value at the key; None if there is none, or if the walk stopped at
            a node that the caller holds.
        held: what the caller holds for the last of `nodes`, else None.
        nodes: the hashes of the nodes on the path, the root first. The last one is the leaf,
            or the node that the leaf is written into where it is shorter than a hash.
    """

    value: memoryview | None
    held: Held | None
    nodes: tuple[bytes, ...]


class LargeLeaf(list[bytes]):
    """[key, value] of a large leaf as read, with its encoding and hash.

    The library prunes and stores a node under the hash that it works out anew each time, three
    milliseconds for a megabyte; this leaf brings it along.
    """

    __slots__ = ("encoding", "node_hash")

    def __init__(self, encoding: bytes, node_hash: bytes) -> None:
        """Decode a leaf from the encoding whose hash is `node_hash`."""
        super().__init__(map(bytes, split_node(encoding)))
        self.encoding = encoding
        self.node_hash = node_hash


class WeightTrie(HexaryTrie):
    """A storage trie that holds weight blocks. All keys have 32 bytes, so no branch has a value."""

    __slots__ = ()

    def get(self, key: bytes) -> bytes:
        """The value at a key, b"" where there is none.

        Raises:
            MissingTrieNode: the database lacks a node of the path.
        """
        value = self.find(key).value
        return BLANK_NODE if value is None else bytes(value)

    def find(self, key: bytes, held: Callable[[bytes], Held | None] | None = None) -> Found[Held]:
        """Walk to a key, as far as `held` knows no node on the way by its hash.

        Raises:
            MissingTrieNode: the database lacks a node of the path.
        """
        nodes: list[bytes] = []
        rest: str | None = key.hex()
        node: bytes | memoryview = b"" if self.root_hash == BLANK_NODE_HASH else self.root_hash
        while node and rest is not None:
            if len(node) == HASH_BYTES:
                nodes.append(bytes(node))
                if held is not None and (known := held(nodes[-1])) is not None:
                    return Found(None, known, tuple(nodes))
                node = self._load(nodes[-1], key, rest)
            node, rest = descend(node, rest)
        return Found(memoryview(node) if node else None, None, tuple(nodes))

    def _load(self, node_hash: bytes, key: bytes, rest: str) -> bytes:
        """The encoding of a node that is reached with `rest` of the path left."""
        try:
            encoding: bytes = self.db[node_hash]
        except KeyError as error:
            walked = key.hex().removesuffix(rest)
            prefix = Nibbles([int(digit, 16) for digit in walked])
            root_hash = Hash32(self.root_hash)
            raise MissingTrieNode(Hash32(node_hash), root_hash, key, prefix) from error
        return encoding

    def get_node(self, node_hash: Any) -> Any:
        """The decoded node of a hash, or of an encoding shorter than a hash."""
        if len(node_hash) != HASH_BYTES or node_hash == BLANK_NODE_HASH:
            return super().get_node(node_hash)  # type: ignore[no-untyped-call]
        encoding = self.db[node_hash]
        if len(encoding) > LARGE_NODE_BYTES:
            return LargeLeaf(encoding, node_hash)
        return decode_node(encoding)

    def _node_to_db_mapping(self, node: Any) -> Any:
        """(hash, encoding) of a node, or (node, None) where it is shorter than a hash."""
        if isinstance(node, LargeLeaf):
            return node.node_hash, node.encoding
        if len(node) == 2 and len(node[1]) > LARGE_NODE_BYTES:
            encoding = encode_leaf(*node)
            return keccak(encoding), encoding
        return super()._node_to_db_mapping(node)  # type: ignore[no-untyped-call]


def encode_leaf(key: bytes, value: bytes) -> bytes:
    """The RLP of [key, value], for a value of two bytes or more; it is copied once."""
    parts = (encode_raw(key), length_prefix(len(value), 0x80), value)
    return b"".join((length_prefix(sum(map(len, parts)), 0xC0), *parts))


def descend(node: bytes | memoryview, path: str) -> tuple[memoryview | bytes, str | None]:
    """One step down from an encoded node, along a path of hexadecimal digits.

    Returns:
        (child, rest of the path), the child being a hash or, if shorter, an encoded node; at
        the end of the way (value, None). Child and value are empty where there is none.
    """
    items = split_node(node)
    if len(items) == 17:
        return items[int(path[0], 16)], path[1:]
    # The hex-prefix encoding: a digit with bit 1 for a leaf and bit 0 for an odd length, then
    # a zero digit if the length is even, then the digits.
    digits = items[0].hex()
    flag = int(digits[0], 16)
    part = digits[1:] if flag & 1 else digits[2:]
    if flag & 2:
        return (items[1] if part == path else b""), None
    return (items[1], path[len(part) :]) if path.startswith(part) else (b"", None)


def split_node(node: bytes | memoryview) -> list[memoryview]:
    """Views of the items of an encoded node: strings without, nodes within it with their length."""
    view = memoryview(node)
    position = _payload(view, 0)[0]
    items = []
    while position < len(view):
        start, end = _payload(view, position)
        items.append(view[position if view[position] >= 0xC0 else start : end])
        position = end
    return items


def _payload(view: memoryview, position: int) -> tuple[int, int]:
    """Start and end of the payload of the RLP item at a position."""
    first = view[position]
    if first < 0x80:
        return position, position + 1
    length = first & 0x3F
    start = position + 1
    if length > 55:
        start += length - 55
        length = int.from_bytes(view[position + 1 : start], "big")
    return start, start + length
