"""netshare.service.desk.notebook: a text that another process reads later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netshare.service.desk.notebook import FileNotebook, MemoryNotebook


@pytest.fixture
def descriptor() -> Iterator[int]:
    made = os.memfd_create("test")
    yield made
    os.close(made)


def test_a_file(tmp_path: Path) -> None:
    """It is replaced as a whole, and is its owner's alone."""
    notebook = FileNotebook(tmp_path / "notes")
    assert notebook.read() == ""
    notebook.write("one\n")
    notebook.write("two\n")
    assert FileNotebook(tmp_path / "notes").read() == "two\n"
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]
    assert (tmp_path / "notes").stat().st_mode & 0o777 == 0o600


def test_memory(descriptor: int) -> None:
    """Whoever has the descriptor reads what was written last."""
    notebook = MemoryNotebook(descriptor)
    assert notebook.read() == ""
    for text in ("one", "a longer text", "", "short", "ä" * 1000, "x"):
        notebook.write(text)
        assert MemoryNotebook(descriptor).read() == text


def test_memory_does_not_grow(descriptor: int) -> None:
    """However often it is written, it is as large as the last texts and what they replaced."""
    notebook = MemoryNotebook(descriptor)
    for number in range(1000):
        notebook.write("x" * (number % 100))
    assert os.fstat(descriptor).st_size < 400


def test_a_process_that_ends_while_it_writes(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old text is there until the new one is there whole."""
    notebook = MemoryNotebook(descriptor)
    notebook.write("old text")
    write, left = os.pwrite, [0]

    def some(file: int, data: bytes, at: int) -> int:
        if left[0] == 0:
            raise OSError("the process ended")
        left[0] -= 1
        return write(file, data[:4] if len(data) != 16 else data, at)

    monkeypatch.setattr(os, "pwrite", some)
    for calls in range(3):
        left[0] = calls
        with pytest.raises(OSError, match="ended"):
            notebook.write("new text")
        assert MemoryNotebook(descriptor).read() == "old text"
    left[0] = 3
    notebook.write("new text")
    assert MemoryNotebook(descriptor).read() == "new text"


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 16, b"\0" * 16, b"\1" * 400])
def test_a_head_that_is_none(descriptor: int, content: bytes) -> None:
    """What points outside of the file is no text, and can be written over."""
    os.write(descriptor, content)
    notebook = MemoryNotebook(descriptor)
    assert notebook.read() == ""
    notebook.write("text")
    assert notebook.read() == "text"
