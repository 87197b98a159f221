"""Scanning and editing of Solidity and Yul text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler.solidity.tokens import Edit, EditedText, Kind, Tokens


def texts(source: str) -> list[str]:
    return [token.text for token in Tokens.of(source)]


def test_comments_and_white_space_are_no_tokens():
    assert texts("a // b { \n /* c } */ d/**/e") == ["a", "d", "e"]


def test_a_line_comment_ends_where_solc_ends_it():
    for end in "\n\v\f\r\x85\u2028\u2029":
        assert texts(f"// a{end}b") == ["b"]


def test_strings_are_one_token_each():
    source = r"""f("a\"}", 'b\'//', hex"30", unicode'ä', "\\")"""
    kinds = [token.kind for token in Tokens.of(source)]
    assert kinds.count(Kind.STRING) == 5
    assert texts(source)[-2:] == [r'"\\"', ")"]


def test_a_word_keeps_its_dots():
    assert texts("x.slot := usr$y_1(0x30)") == ["x.slot", ":", "=", "usr$y_1", "(", "0x30", ")"]


def test_brackets_and_arguments():
    tokens = Tokens.of("f(a, g(b, c), (d)) h()")
    assert tokens.closing(1) == 14
    assert tokens.arguments(1) == [["a"], ["g", "(", "b", ",", "c", ")"], ["(", "d", ")"]]
    assert tokens.arguments(16) == []


def test_a_bracket_that_is_never_closed_ends_with_the_text():
    assert Tokens.of("f(a, b").closing(1) == 4


def test_edits_remember_where_text_comes_from():
    edited = EditedText.of("äb cd", [Edit(3, 5, "<new>", 4), Edit(1, 1, "!!", 0)])
    assert edited.text == "ä!!b <new>"
    origins = [edited.origin(len(edited.text[:i].encode())) for i in range(len(edited.text))]
    assert origins == [0, 0, 0, 1, 2, 4, 4, 4, 4, 4]
    assert edited.origin(10**6) == 5


@given(st.text(), st.lists(st.tuples(st.integers(0, 40), st.text()), max_size=5))
def test_what_was_not_edited_is_found_again(text, insertions):
    edits = [Edit(min(at, len(text)), min(at, len(text)), new, 0) for at, new in insertions]
    edited = EditedText.of(text, edits)
    for index, sign in enumerate(text):
        moved = index + sum(len(edit.text) for edit in edits if edit.start <= index)
        assert edited.text[moved] == sign
        assert edited.origin(len(edited.text[:moved].encode())) == index


@given(st.text(alphabet="ab(){},\"'/*\\\n \u2028hex"))
def test_every_text_can_be_scanned(text):
    tokens = Tokens.of(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    for index, token in enumerate(tokens):
        if token.text in "({":
            assert index <= tokens.closing(index) < len(tokens)
