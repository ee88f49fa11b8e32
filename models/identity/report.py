"""What a check of identity found, as a table; and what it must reach."""

from rich.table import Table

from models.identity.check import Checked

PRECISION, RECALL = 0.999, 0.98


def table(checked: Checked) -> Table:
    """The figures, for a terminal."""
    shown = Table(title=f"{checked.events:,} events of {checked.people:,} people")
    shown.add_column("what")
    shown.add_column("figure", justify="right")
    shown.add_row("pairwise precision", f"{checked.pairwise.precision:.5f}")
    shown.add_row("pairwise recall", f"{checked.pairwise.recall:.5f}")
    shown.add_row("recall of pairs that the log ties", f"{checked.tied_recall:.5f}")
    shown.add_row("pairs of events of one person", f"{checked.pairwise.pairs:,}")
    shown.add_row("leads", f"{checked.leads:,}")
    shown.add_row("identifiers; shared", f"{checked.identifiers:,}; {checked.shared:,}")
    shown.add_row("events that are nobody's", f"{checked.nobody:.3%}")
    shown.add_row("digest; replayed; with a repeat", f"{checked.digest}; {checked.replayed}; {checked.repeated}")
    return shown


def missed(checked: Checked) -> list[str]:
    """What falls short, a line each."""
    lines = []
    if checked.pairwise.precision < PRECISION:
        lines.append(f"precision {checked.pairwise.precision:.5f} is below {PRECISION}")
    if checked.pairwise.recall < RECALL:
        lines.append(f"recall {checked.pairwise.recall:.5f} is below {RECALL}")
    if not checked.digest == checked.replayed == checked.repeated:
        lines.append("a replay gave other leads")
    return lines
