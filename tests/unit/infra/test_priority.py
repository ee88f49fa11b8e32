"""A program that gives way is the program that was asked for, and says so to the kernel."""

import json
import subprocess
import sys
from pathlib import Path

from infra.priority import NICENESS, giving_way

TELL = """
import json, os, sys
from pathlib import Path
group = Path("/proc/self/autogroup")
print(json.dumps([os.getpid(), os.nice(0), group.read_text() if group.exists() else "", sys.argv[1:]]))
sys.exit(7)
"""


def test_it_is_the_same_process_with_the_same_words_and_the_same_end():
    """Whoever started it stops it by pid, and learns how it ended."""
    words = ["two words", "$HOME", "'", ""]
    with subprocess.Popen(giving_way([sys.executable, "-c", TELL, *words]), stdout=subprocess.PIPE, text=True, start_new_session=True) as child:
        out, _ = child.communicate(timeout=30)
    pid, niceness, group, heard = json.loads(out)
    assert pid == child.pid
    assert heard == words
    assert child.returncode == 7
    assert niceness == NICENESS
    if Path("/proc/self/autogroup").exists():
        assert group.endswith(f"nice {NICENESS}\n")
