"""What could go wrong on the way from Solidity to a DNN contract, each trap with its test."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from smartvm import Instruction, SmartVM, Tensor, execute
from smartvm.compiler.abi import encode_call
from smartvm.compiler.disassembler import instructions
from smartvm.compiler.solidity import Settings, SolidityError, compile_sources, compile_yul
from smartvm.compiler.solidity.calls import outputs
from smartvm.compiler.solidity.library import library_source
from smartvm.compiler.solidity.listing import ListingError, check_listing
from smartvm.opcodes.table import INSTRUCTIONS, PAPER
from smartvm.vm import MAGIC

WIDE = "0x" + "fe" * 30 + "3639"


def run(contract, signature: str, *arguments, **options):
    code = bytes.fromhex(contract.deployed_bytecode)
    return execute(code, calldata=encode_call(signature, *arguments), **options)


def test_a_call_takes_and_gives_what_the_table_says(solc):
    """Every instruction once: its operands are pushed last to first, then comes its number."""
    statements = []
    for row in INSTRUCTIONS:
        words = [f"0x{100 * row.opcode + i:x}" for i in range(len(row.operands))]
        words[-1:] = ["1"] if row.pushes is None else words[-1:]
        call = f"{row.mnemonic.lower()}({', '.join(words)})"
        statements.append(f"pop({call})" if outputs(row) else call)
    body = "\n".join(statements)
    contract = compile_yul(f'object "All" {{ code {{ {body} }} }}', settings=Settings(solc=solc))[
        "All"
    ]
    lines = instructions(bytes.fromhex(contract.bytecode))
    for row in INSTRUCTIONS:
        (at,) = (i for i, line in enumerate(lines) if line.opcode == row.opcode)
        pushed = [
            int.from_bytes(line.immediate, "big") for line in lines[at - len(row.operands) : at]
        ]
        expected = [100 * row.opcode + i for i in range(len(row.operands))]
        expected[-1:] = [1] if row.pushes is None else expected[-1:]
        assert pushed[::-1] == expected
        assert (lines[at + 1].mnemonic == "POP") == bool(outputs(row))


def test_stores_stay_on_their_side_of_an_instruction(compiled):
    """What an instruction reads or writes in Memory is not what the optimiser thinks is there."""
    contract = compiled("""contract C {
        function f() external returns (uint256 a, uint256 b, uint256 c, uint256 d, bool e) {
            assembly {
                mstore(0, 5)
                mtob(0, 1)
                mstore(0, 6)
                mtob(0, 1)
                mstore(0, 7)
                btom(0, 1)
                a := mload(0)
                let hash := keccak256(0, 32)
                buf_free(0)
                mstore(0, 8)
                btom(0, 1)
                b := mload(0)
                e := eq(hash, keccak256(0, 32))
                sstore(0, 1)
                c := sload(0)
                buf_scl0(c)
                sstore(0, 2)
                d := sload(0)
            }
        }
    }""")["C"]
    result = run(contract, "f()")
    words = [int.from_bytes(result.output[i : i + 32], "big") for i in range(0, 160, 32)]
    assert words == [6, 5, 1, 2, 0]
    assert result.buffer == [[5]]


def test_blocks_that_differ_in_an_instruction_only_are_not_merged(compiled):
    """solc before 0.8.23 took all verbatims of a kind for the same (its bug of 2023-11)."""
    contract = compiled("""contract C {
        function f(uint256 kind) external pure returns (int256 r) {
            assembly {
                buf_allo(1)
                buf_fil(700)
                switch kind
                case 0 { act_tanh(1000) }
                case 1 { act_sm1(1000) }
                case 2 { buf_scl0(1000) }
                default { buf_scl1(1000) }
                r := btos0(0, 1)
            }
        }
    }""")["C"]
    found = [int.from_bytes(run(contract, "f(uint256)", kind).output, "big") for kind in range(4)]
    assert found == [604, 668, 700_000, 0]


def test_only_code_counts_as_code(compiled):
    """Comments, strings and names that look like instructions or objects."""
    contract = compiled("""contract C {
        string constant TEXT = "assembly { act_rl(0) } object code { address() }"; // it's
        /* assembly { act_rl( } " */
        function assemblyOf(uint256 code) external pure returns (string memory, uint256 r) {
            assembly ("memory-safe") {
                // act_rl(1, 2, 3) }
                function code_(x) -> codesize_ { codesize_ := /* caller() */ add(x, 1) }
                r := code_(code)
            }
            return (TEXT, r);
        }
    }""")["C"]
    output = run(contract, "assemblyOf(uint256)", 41).output
    assert b"object code { address() }" in output
    assert int.from_bytes(output[32:64], "big") == 42


def test_a_function_called_assembly(compiled):
    """Yul may have one: its body is no block of inline assembly."""
    contract = compiled("""contract C { function f() external pure returns (int256 r) {
        assembly {
            function assembly(n) { buf_allo(1) buf_fil(n) }
            assembly(42)
            r := btos0(0, 1)
        }
    } }""")["C"]
    assert int.from_bytes(run(contract, "f()").output, "big") == 42


def test_a_file_may_have_any_name(solc):
    """solc's listing names it in comments, which have no escapes."""
    text = "contract C { function f() external view returns (address) { return address(this); } }"
    name = 'a*/ codecopy "address().sol'
    assert compile_sources({name: text}, settings=Settings(solc=solc))["C"].source == name


YUL = """object "Outer" {
    code {
        function f() -> code { code := callvalue() }
        datacopy(0, dataoffset("Inner"), datasize("Inner"))
        if f() { revert(0, 0) }
        return(0, datasize("Inner"))
    }
    object "Inner" {
        code {
            function g(codecopy_) -> code { code := add(codecopy_, calldataload(0)) }
            buf_allo(2)
            buf_fil(g(1))
            datacopy(0, dataoffset("table"), 11)
            mstore(32, btos0(1, 1))
            return(0, 64)
        }
        data "table" hex"303132333435363738393a"
    }
}"""


def test_pure_yul_with_a_result_called_code(solc):
    outer = compile_yul(YUL, settings=Settings(solc=solc))["Outer"]
    deployed = execute(outer.init_code()).output
    assert deployed.startswith(MAGIC)
    output = execute(deployed, calldata=(6).to_bytes(32, "big")).output
    assert output[:11] == bytes(range(0x30, 0x3B))
    assert int.from_bytes(output[32:], "big") == 7


class Counting:
    """A solc that remembers what it is asked."""

    def __init__(self, solc) -> None:
        self.solc = solc
        self.constant_optimizers = []

    @contextmanager
    def session(self):
        with self.solc.session() as compile_one:
            yield lambda request: self.ask(compile_one, request)

    def ask(self, compile_one, request):
        details = request["settings"]["optimizer"]["details"]
        self.constant_optimizers.append(details.get("constantOptimizer"))
        return compile_one(request)


def test_a_constant_that_solc_would_copy_from_the_code(solc):
    """Its optimiser of constants emits CODECOPY by itself, under the old number."""
    stores = "\n".join(f"sstore({slot}, {WIDE})" for slot in range(6))
    counting = Counting(solc)
    text = f'object "C" {{ code {{ {stores} }} }}'
    contract = compile_yul(text, settings=Settings(runs=1, solc=counting))["C"]
    assert counting.constant_optimizers == [None, None, False]
    assert execute(contract.init_code()).error is None


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ("  verbatimbytecode_fc444e4e01\n  codecopy(0x00, data_1, 0x20)", "codecopy left"),
        ("  0x00\n  verbatimbytecode_fc444e4e01", "begin with the magic: 0x00"),
        ("verbatimbytecode_fc444e4e01\nsub_0: assembly {\n  stop\n", "with the magic: stop"),
    ],
)
def test_a_listing_that_is_not_what_was_asked_for(listing, message):
    with pytest.raises(ListingError, match=message):
        check_listing(listing, "C")


def test_instructions_from_outside_the_package(solc):
    """One without operands: its verbatim has no argument but its byte."""

    def double(frame):
        frame.buffer.replace(Tensor.from_ints([2 * item for item in frame.buffer.top]))

    row = Instruction(0xCF, "DOUBLE", "Extension", (), double, "twice each item", "0")
    settings = Settings(instructions=PAPER.extended(row), solc=solc)
    code = "{ buf_allo(1) buf_fil(21) double() mstore(0, btos0(0, 1)) return(0, 32) }"
    contract = compile_yul(code, settings=settings)["object"]
    result = execute(contract.init_code(), vm=SmartVM.with_instructions(row))
    assert int.from_bytes(result.output, "big") == 42
    assert "function double()" in library_source([row])


def test_a_static_call_still_forbids_writing(compiled):
    """View is a promise to the compiler; the machine keeps it whatever the caller was told."""
    contract = compiled("contract C { function w() external { SmartVM.deleteBlock(1); } }")["C"]
    assert run(contract, "w()").error is None
    assert "BTOS1" in str(run(contract, "w()", static=True).error)


def test_stacks_that_are_too_deep_move_to_memory(compiled):
    """Assembly that is marked memory-safe leaves solc its way out, instructions or not."""
    reads = "\n".join(f"uint256 a{i} = s[{i}];" for i in range(20))
    writes = "\n".join(f"s[{i}] = a{19 - i};" for i in range(20))
    contract = compiled(f"""contract C {{
        uint256[20] s;
        function f() external returns (uint256) {{
            {reads}
            SmartVM.bufAllo(1); SmartVM.bufFil(int256(a3)); SmartVM.actRl();
            {writes}
            return uint256(SmartVM.btos0(0));
        }}
    }}""")["C"]
    assert int.from_bytes(run(contract, "f()", storage={3: 9}).output, "big") == 9


def test_a_stack_that_is_too_deep_is_shown_in_the_solidity(solc):
    names = [f"{letter}{digit}" for letter in "ab" for digit in range(8)]
    reads = " ".join(f"uint256 {name} = x[{at}];" for at, name in enumerate(names))
    sums = [sign.join(names) for sign in ("*", "/", "+")]
    text = f"""pragma solidity ^0.8.37;
contract C {{
    function f(uint256[20] memory x) external pure returns (uint256) {{
        {reads}
        assembly {{ mstore(0, 0) }}
        x[0] = 9;
        x[1] = {sums[0]};
        x[2] = {sums[1]};
        return x[1] + {sums[2]};
    }}
}}"""
    with pytest.raises(SolidityError, match="too deep in the stack") as caught:
        compile_sources({"deep.sol": text}, settings=Settings(solc=solc))
    problem = caught.value.diagnostics[0]
    assert problem.file == "deep.sol"
    assert 3 <= problem.line <= 9
    assert "[solidity" not in problem.message
