"""The encoding of proofs, and that nothing forged, damaged or hostile is accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from smartvm.chain.proofs import FORMAT, ModelProof, Proof, prove_inference, prove_model, read_proof
from smartvm.exceptions import ProofError
from smartvm.storage import BlockProof
from smartvm.storage.proofs import prove_keys


def accepted(encoding: bytes, block_hash: bytes) -> bool:
    try:
        read_proof(encoding).verify(block_hash)
    except ProofError:
        return False
    return True


def sealed(content: bytes) -> bytes:
    return content + keccak(content)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
@pytest.mark.parametrize("kind", ["model", "light", "inference"])
def test_no_byte_of_a_proof_can_be_changed(setting, kind: str, flip: int) -> None:
    proof = {
        "model": lambda: setting.model_proof(*setting.numbers),
        "light": setting.model_proof,
        "inference": setting.inference_proof,
    }[kind]()
    encoding = proof.to_bytes()
    assert accepted(encoding, setting.hash)
    for position in range(len(encoding)):
        forged = bytearray(encoding)
        forged[position] ^= flip
        assert not accepted(bytes(forged), setting.hash), position
        if position < len(encoding) - 32:  # nor where the forger makes the last 32 bytes fit
            assert not accepted(sealed(bytes(forged[:-32])), setting.hash), position


def test_not_even_the_number_of_an_absent_block_can_be_changed(setting) -> None:
    encoding = setting.model_proof(*setting.numbers, 77).to_bytes()
    for position in range(len(encoding)):
        forged = bytearray(encoding)
        forged[position] ^= 1
        assert not accepted(bytes(forged), setting.hash), position


def test_a_proof_cannot_be_cut_or_lengthened(setting) -> None:
    for proof in (setting.model_proof(1), setting.inference_proof()):
        encoding = proof.to_bytes()
        assert not any(accepted(encoding[:end], setting.hash) for end in range(len(encoding)))
        assert not accepted(encoding + b"\x00", setting.hash)
        assert not accepted(encoding + encoding, setting.hash)


def test_a_proof_is_of_its_block_alone(setting) -> None:
    for proof in (setting.model_proof(1), setting.inference_proof()):
        for position in range(32):
            other = bytearray(setting.hash)
            other[position] ^= 1
            assert not accepted(proof.to_bytes(), bytes(other))


def test_parts_of_true_proofs_do_not_make_another(setting) -> None:
    whole, second = setting.model_proof(1, 2), prove_model(setting.chain, setting.second, [1, 2])
    one, answer = setting.model_proof(1), setting.inference_proof()
    first, *_, last = (prove_inference(setting.chain, t.hash) for t in setting.chain.transactions())
    account, storage = whole.state.account_proof, whole.state.storage_proof
    forgeries: list[Proof] = [
        replace(whole, numbers=(1,)),
        replace(one, numbers=(1, 2)),
        replace(one, numbers=(2,)),
        replace(whole, address=setting.second),
        replace(whole, state=second.state),
        replace(whole, code=second.code),
        replace(whole, code=b""),
        replace(whole, address=b""),
        replace(whole, header=second.header[:-1]),
        replace(whole, state=BlockProof(account, storage[::-1])),
        replace(whole, state=BlockProof(account, (*storage, storage[-1]))),
        replace(whole, state=BlockProof(account, ())),
        replace(whole, state=BlockProof(storage, account)),
        replace(answer, index=0),
        replace(answer, index=answer.index + 1),
        replace(answer, index=1 << 70),
        replace(answer, receipt_proof=last.receipt_proof),
        replace(answer, transaction_proof=last.transaction_proof),
        replace(answer, transaction_proof=answer.receipt_proof),
        replace(answer, index=last.index, receipt_proof=last.receipt_proof),
        replace(answer, address=first.address),
        replace(answer, address=first.address, account_proof=first.account_proof),
        replace(answer, receipt_proof=()),
    ]
    for forged in forgeries:
        with pytest.raises(ProofError):
            forged.verify(setting.hash)
        assert not accepted(forged.to_bytes(), setting.hash)


def test_an_account_without_code_is_no_model(setting) -> None:
    true = setting.inference_proof()
    sender = setting.chain.accounts[1].address
    root = setting.chain.state_root
    path = prove_keys(setting.chain.database, root, [keccak(sender)])
    with pytest.raises(ProofError, match="no contract"):
        replace(true, address=sender, code=b"", account_proof=path).verify(setting.hash)


def test_numbers_come_once_and_ascending(setting) -> None:
    proof = setting.model_proof(1, 2)
    for numbers in ((2, 1), (1, 1, 2), (1, 1 << 256)):
        with pytest.raises(ProofError, match="ascending"):
            read_proof(replace(proof, numbers=numbers).to_bytes())


def test_the_size_of_a_proof_is_bounded(setting) -> None:
    encoding = setting.model_proof().to_bytes()
    read_proof(encoding, max_bytes=len(encoding))
    with pytest.raises(ProofError, match="at most"):
        read_proof(encoding, max_bytes=len(encoding) - 1)
    many = replace(setting.model_proof(), numbers=tuple(range(1 << 16)))
    with pytest.raises(ProofError, match="at most 65,536 keys"):
        many.verify(setting.hash)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a proof"),
        (b"\x80", "not a proof"),
        (b"\xc0", "not a proof"),
        (b"\xc1" * 5000 + b"\xc0", "not a proof"),
        (rlp.encode([b"smartvm", b"\x01", b"\x01"]), "does not begin with the name"),
        (rlp.encode([FORMAT, b"\x02", b"\x01"]), "expected version 1"),
        (rlp.encode([FORMAT, b"\x01", b"\x07"]), "expected a proof of kind 1 or 2, found 7"),
        (rlp.encode([FORMAT, b"\x01", b"\x01"]), "not a proof"),
        (rlp.encode([FORMAT, b"\x01", b"\x02", *[b""] * 7]), "not a proof"),
        (b"\xfb\xff\xff\xff\xff" + bytes(20), "not a proof"),
    ],
)
def test_bytes_that_are_no_proof_are_named(content: bytes, message: str) -> None:
    with pytest.raises(ProofError, match=message):
        read_proof(sealed(content))
    with pytest.raises(ProofError):
        read_proof(content)


def test_a_header_that_an_attacker_chose_raises_nothing_else(setting) -> None:
    """Whoever is talked into a wrong hash is deceived, but no exception escapes."""
    proof = setting.model_proof(1)
    for header in (b"", b"\xc0", rlp.encode([b""] * 21), proof.header + b"\x00"):
        with pytest.raises(ProofError):
            replace(proof, header=header).verify(keccak(header))


def hostile(setting, root_node: bytes) -> ModelProof:
    """A proof whose header, chosen with its hash, has this node for a state root."""
    fields = list(rlp.decode(setting.model_proof().header))
    fields[3] = keccak(root_node)
    header = rlp.encode(fields)
    return replace(setting.model_proof(), header=header, state=BlockProof((root_node,), ()))


@given(node=st.binary(max_size=80) | st.lists(st.binary(max_size=40), max_size=17).map(rlp.encode))
def test_nodes_that_an_attacker_chose_raise_nothing_else(setting, node: bytes) -> None:
    proof = hostile(setting, node)
    with pytest.raises(ProofError):
        proof.verify(keccak(proof.header))
