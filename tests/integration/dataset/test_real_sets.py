from pathlib import Path

import pytest

from models.dataset.dataset import DataSet, read
from models.dataset.files import open_file


def real(data_dir: Path, name: str) -> DataSet:
    return read(str(data_dir / name / "manifest.toml"), open_file)


@pytest.mark.parametrize("name", ["x_education", "bank_marketing", "bpic2012"])
def test_a_real_set_is_read_as_its_manifest_expects(data_dir: Path, name: str):
    """Rows, leads, scoring points, conversions and the base rate are what the manifest says, exactly."""
    data = real(data_dir, name)
    counts = data.counts()._asdict()
    expected = {key: value for key, value in data.manifest.expect.model_dump().items() if key in counts}

    assert expected == counts


def test_every_row_of_a_real_set_is_sent_once_in_order(data_dir: Path):
    """All 262,200 rows of BPIC 2012 become events, engagements or observations, and time never goes back."""
    data = real(data_dir, "bpic2012")
    times = []
    rows = set()
    for record in data.records():
        times.append(record.occurred_at)
        identity = getattr(record, "event_id", "")
        if identity and not identity.endswith(":profile"):
            rows.add(identity)

    assert (262_200, True) == (len(rows), times == sorted(times))
