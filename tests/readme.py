"""README.md as tests read it: its fenced blocks."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [text for found, text in _FENCE.findall(README.read_text(encoding="utf-8")) if found == language]


def commands(block: str) -> list[str]:
    """The commands of a shell block, comments left out."""
    lines = (re.sub(r"\s+#.*$", "", line) for line in block.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
