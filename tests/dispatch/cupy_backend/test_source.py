"""The text of a module as a compiler without files gets it."""

from __future__ import annotations

import re

import pytest

from smartvm.dispatch.cupy_backend.source import SOURCES, modules, whole


@pytest.mark.parametrize("module", modules())
def test_every_header_is_there_once(module: str) -> None:
    text = whole(module)
    assert "#include" not in text
    assert "#pragma once" not in text
    assert text.count("#define KERNEL(") == 1


@pytest.mark.parametrize("module", modules())
def test_lines_are_numbered_as_in_the_files(module: str) -> None:
    name, number, files = "", 0, {}
    for line in whole(module).splitlines():
        if found := re.match(r'#line (\d+) "(.+)"', line):
            number, name = int(found[1]), found[2]
            files.setdefault(name, (SOURCES / name).read_text().splitlines())
            continue
        assert line in (files[name][number - 1], "")
        number += 1
    assert set(files) >= {f"{module}.cu", "common.cuh"}
