"""Keep smartvm/compiler/solidity/SmartVM.sol in step with the instruction table.

python scripts/solidity_library.py            write the file anew
python scripts/solidity_library.py --check    exit with 1 if that would change it
"""

from __future__ import annotations

import argparse
import sys

from smartvm.compiler.solidity.library import library_source
from smartvm.compiler.solidity.sources import LIBRARY


def main() -> int:
    """Write or check the library."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if stale")
    source = library_source()
    if parser.parse_args().check:
        return int(source != LIBRARY.read_text())
    LIBRARY.write_text(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
