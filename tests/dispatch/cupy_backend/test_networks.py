"""Networks in contracts: a device, a tape and whatever ends a frame leave what numpy leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

import numpy as np
import pytest
from eth.vm.message import Message

from smartvm import SmartVM
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.compile import compile
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import CLASSIFY, PREDICT
from smartvm.dispatch.cupy_backend import CupyBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.execution import CALLER, CONTRACT, fresh_state
from smartvm.storage import encode_block
from smartvm.words import bytes_for

GAS = 30_000_000
NUMPY = SmartVM.with_backend("numpy")
Make = Callable[..., CupyBackend]
Blocks = Mapping[int, Tensor]


def frame(
    vm: type[SmartVM], code: bytes, blocks: Blocks, calldata: bytes, gas: int = GAS
) -> dict[str, Any]:
    """All that a frame leaves."""
    state = fresh_state(vm)
    state.set_code(CONTRACT, code)
    for number, tensor in blocks.items():
        state.set_block(CONTRACT, number, encode_block(tensor, bytes_for(*tensor.bounds)))
    state.lock_changes()
    state.persist()
    message = Message(gas=gas, to=CONTRACT, sender=CALLER, value=0, data=calldata, code=code)
    context = state.get_transaction_context_class()(gas_price=0, origin=CALLER)
    left: Any = state.computation_class.apply_message(state, message, context)
    return {
        "error": repr(left._error),
        "output": left.output,
        "gas": left.get_gas_used(),
        "maps": [tensor.to_ints() for tensor in left.buffer.maps],
        "buffer": (left.buffer.nbytes, left.buffer.peak, left.buffer.paid),
        "root": state.make_state_root(),
    }


def blocks_of(contract: ModelContract) -> dict[int, Tensor]:
    return {number: Tensor.from_array(block.items) for number, block in contract.blocks.items()}


class Network:
    """LeNet-5 as a contract.

    Attributes:
        code: the contract's.
        blocks: its weights.
        inputs: calldata of some calls.
    """

    def __init__(self) -> None:
        contract = build_contract(lenet5.load())
        pixels = lenet5.test_split().pixels
        self.code = contract.runtime
        self.blocks = blocks_of(contract)
        self.inputs = [encode_call(CLASSIFY, digit.tobytes()) for digit in pixels[:6]]

    def run(self, vm: type[SmartVM], number: int = 0, **options: Any) -> dict[str, Any]:
        """The frame of a call."""
        options = {"code": self.code, "blocks": self.blocks} | options
        return frame(vm, calldata=self.inputs[number], **options)


@pytest.fixture(scope="module")
def lenet() -> Network:
    return Network()


@pytest.fixture
def vm(device: Any, make_backend: Make) -> type[SmartVM]:
    return SmartVM.with_backend(make_backend(device))


def test_lenet5(device: Any, vm: type[SmartVM], lenet: Network) -> None:
    for number in range(len(lenet.inputs)):
        device.reset()
        assert lenet.run(vm, number) == lenet.run(NUMPY, number)
    assert (device.launches, device.starts) == (0, 1), "a call is one graph"
    assert device.reads <= 2, "and comes back as its bounds and its answer"


def test_gas_that_ends_anywhere(
    vm: type[SmartVM], lenet: Network, pytestconfig: pytest.Config
) -> None:
    for number in (0, 1):
        lenet.run(vm, number)
    needed = lenet.run(NUMPY)["gas"]
    count = 1600 if pytestconfig.getoption("--thorough") else 40
    for gas in [*np.linspace(0, needed, count).astype(int).tolist(), needed - 1, needed]:
        assert lenet.run(vm, 2, gas=gas) == lenet.run(NUMPY, 2, gas=gas)
    assert lenet.run(vm, 3) == lenet.run(NUMPY, 3)


def test_weights_that_a_transaction_changes(vm: type[SmartVM], lenet: Network) -> None:
    last = max(number for number, block in lenet.blocks.items() if len(block) > 10)
    for step in (0, 0, 1, 1, 0, 2, 2):
        changed = {last: Tensor.from_ints([v + step for v in lenet.blocks[last].to_ints()])}
        blocks = {**lenet.blocks, **changed}
        assert lenet.run(vm, blocks=blocks) == lenet.run(NUMPY, blocks=blocks)


def test_two_threads(vm: type[SmartVM], lenet: Network) -> None:
    expected = [lenet.run(NUMPY, number) for number in range(6)]
    found: dict[tuple[int, int], Any] = {}

    def run(thread: int) -> None:
        for number in range(6):
            found[thread, number] = lenet.run(vm, number)

    threads = [Thread(target=run, args=(thread,)) for thread in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (_, number), left in found.items():
        assert left == expected[number]
    assert len(found) == 12


def operations(make_device: Any, make_backend: Make, lenet: Network) -> int:
    device = make_device()
    vm = SmartVM.with_backend(make_backend(device))
    for number in range(3):
        lenet.run(vm, number)
    return int(device.operations)


def test_a_device_that_fails_in_the_middle_of_a_call(
    make_device: Any, make_backend: Make, lenet: Network
) -> None:
    expected = [lenet.run(NUMPY, number) for number in range(3)]
    for fails_at in range(1, operations(make_device, make_backend, lenet) + 1):
        device = make_device()
        device.fails_at = fails_at
        vm = SmartVM.with_backend(make_backend(device))
        with pytest.warns(RuntimeWarning, match="the CPU goes on"):
            assert [lenet.run(vm, number) for number in range(3)] == expected


def tiny(layers: Callable[[Any], Any]) -> tuple[ModelContract, list[bytes]]:
    """A network of the zoo's builder as a contract, with the calldata of some calls."""
    builder = pytest.importorskip("smartvm.compiler.zoo.builder", reason="needs onnx")
    shape = (8, 1, 24) if layers is recurrent else (1, 3, 8, 8)
    net = builder.GraphBuilder(layers.__name__, shape, seed=1)
    contract = compile(net.model(layers(net)), scale=256, scales=()).contract
    images = np.random.default_rng(2).uniform(-1, 1, (4, *shape))
    return contract, [encode_call(PREDICT, contract.input_format.pack(x)) for x in images]


def residual(net: Any) -> Any:
    """A shortcut around two convolutions, then one that is projected."""
    x = net.relu(net.conv(net.input, 8, 3, padding=1))
    y = net.conv(net.relu(net.conv(x, 8, 3, padding=1)), 8, 3, padding=1)
    x = net.relu(net.add(y, x))
    y = net.conv(x, 12, 3, stride=2, padding=1)
    x = net.relu(net.add(y, net.conv(x, 12, 1, stride=2)))
    return net.dense(net.flatten(net.global_average_pool(x)), 5)


def depthwise(net: Any) -> Any:
    """Depthwise and pointwise convolutions with a clip."""
    x = net.relu6(net.conv(net.input, 8, 3, stride=2, padding=1))
    x = net.relu6(net.conv(x, 8, 3, padding=1, groups=8))
    x = net.concat(x, net.relu6(net.conv(x, 12, 1)))
    return net.dense(net.flatten(net.max_pool(x, 2, 2)), 5)


def recurrent(net: Any) -> Any:
    """An LSTM of 8 steps."""
    shapes = {"W": (1, 16, 24), "R": (1, 16, 4), "B": (1, 32)}
    parameters = {
        name: net.random.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()
    }
    last = net.add_node("LSTM", [net.input], (1, 1, 4), parameters, output_index=1, hidden_size=4)
    return net.dense(type(last)(net.flatten(last).name, (1, 4)), 3)


@pytest.mark.parametrize("layers", [residual, depthwise, recurrent])
def test_a_network(device: Any, vm: type[SmartVM], layers: Callable[[Any], Any]) -> None:
    contract, calls = tiny(layers)
    blocks = blocks_of(contract)
    for calldata in calls * 3:  # until the tape knows what values there are
        device.reset()
        assert frame(vm, contract.runtime, blocks, calldata) == frame(
            NUMPY, contract.runtime, blocks, calldata
        )
    assert (device.launches, device.starts) == (0, 1)


def test_two_contracts_in_turn(device: Any, vm: type[SmartVM], lenet: Network) -> None:
    contract, calls = tiny(residual)
    blocks = blocks_of(contract)
    for number, calldata in enumerate(calls):
        device.reset()
        assert lenet.run(vm, number) == lenet.run(NUMPY, number)
        assert frame(vm, contract.runtime, blocks, calldata) == frame(
            NUMPY, contract.runtime, blocks, calldata
        )
    assert device.launches == 0
