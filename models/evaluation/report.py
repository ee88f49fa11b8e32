"""An evaluation as tables for people and as figures for programs."""

from rich.console import Group, RenderableType
from rich.table import Table

from models.evaluation.bootstrap import Interval
from models.evaluation.protocol import Evaluation, Figures, Result


def figures(evaluations: list[Evaluation]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Data set → model → figure → value, ready for JSON; null where there is no such figure."""
    return {one.data_set: {result.name: dict(result.figures._asdict()) for result in one.results} for one in evaluations}


def tables(evaluation: Evaluation) -> RenderableType:
    """Figures, differences and calibration of a data set."""
    return Group(_figures(evaluation), _differences(evaluation), _calibration(evaluation))


def _figures(evaluation: Evaluation) -> Table:
    title = f"{evaluation.data_set}: {evaluation.points:,} scoring points of {evaluation.leads:,} leads, {evaluation.base_rate:.1%} converted"
    notes = [f"{result.name}: {result.note}" for result in evaluation.results if result.note]
    caption = "\n".join(["of the last 75 % of the points; 1k: of the first 1,000; costs in CPU µs, of a label by interval", *notes])
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("model", no_wrap=True)
    for name in ("AUC", "log loss", "Brier", "ECE", "AUC 1k", "µs/score", "µs/label"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in evaluation.results:
        table.add_row(result.name, *_cells(result.figures), style="bold" if result.difference is None else "")
    return table


def _cells(of: Figures) -> list[str]:
    return [
        *(_measure(value) for value in (of.auc, of.log_loss, of.brier, of.ece, of.auc_first_1000)),
        f"{of.us_score:,.1f}",
        f"{of.us_label:,.0f}",
    ]


def _measure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _differences(evaluation: Evaluation) -> Table:
    ours = evaluation.results[0].name
    caption = "95 % intervals by bootstrap over leads; * leaves no doubt of the sign"
    table = Table(title=f"{ours} against", caption=caption, title_justify="left", caption_justify="left")
    table.add_column("model", no_wrap=True)
    table.add_column("AUC, more is better", no_wrap=True)
    table.add_column("log loss, less is better", no_wrap=True)
    for result in evaluation.results:
        if result.difference is not None:
            table.add_row(result.name, _interval(result.difference.auc), _interval(result.difference.log_loss))
    return table


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    # brackets are rich's markup unless escaped
    return f"{interval.value:+.4f} \\[{interval.low:+.4f}, {interval.high:+.4f}]{' *' if interval.is_certain else ''}"


def _calibration(evaluation: Evaluation) -> Table:
    ours: Result = evaluation.results[0]
    table = Table(title=f"calibration of {ours.name}", title_justify="left")
    for name in ("from", "to", "points", "predicted", "converted"):
        table.add_column(name, justify="right")
    for one in ours.calibration:
        table.add_row(f"{one.low:.3f}", f"{one.high:.3f}", f"{one.points:,}", f"{one.predicted:.3f}", f"{one.converted:.3f}")
    return table
