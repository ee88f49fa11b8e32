"""Data sets in files of this machine."""

from pathlib import Path
from typing import BinaryIO


def open_file(path: str) -> BinaryIO:
    """The file's bytes.

    Raises
    ------
    OSError
        It cannot be read.
    """
    return Path(path).open("rb")
