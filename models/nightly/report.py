"""What a training gave, in words."""

from rich.table import Table

from models.evaluation.measures import auc, brier, ece, log_losses
from models.nightly.training import Holdout, Trained


def table(trained: Trained, holdout: Holdout | None) -> Table:
    """Size, parity and, where there was enough to hold out, how good a base trained on the earlier examples was on the later ones."""
    base = trained.base
    rows = [
        ("examples", f"{base.examples:,}"),
        ("columns", f"{base.columns.width:,}"),
        ("pairs of features", f"{len(base.pairs):,}"),
        ("ONNX against LightGBM", f"{trained.parity:.1e} at most"),
        ("bytes", f"{len(base.to_bytes()):,}"),
    ]
    if holdout is not None and len(holdout.converted):
        area = auc(holdout.propensities, holdout.converted)
        rows += [
            ("held out", f"{len(holdout.converted):,} later examples, {holdout.trained_on:,} earlier ones to learn from"),
            ("  AUC", "–" if area is None else f"{area:.4f}"),
            ("  log loss", f"{log_losses(holdout.propensities, holdout.converted).mean():.4f}"),
            ("  Brier", f"{brier(holdout.propensities, holdout.converted):.4f}"),
            ("  ECE", f"{ece(holdout.propensities, holdout.converted):.4f}"),
        ]
    shown = Table(title="nightly base", title_justify="left", show_header=False)
    for row in rows:
        shown.add_row(*row)
    return shown
