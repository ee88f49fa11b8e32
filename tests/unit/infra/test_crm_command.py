"""The command line of CRM accounts, as far as it asks nobody."""

from pathlib import Path
from xml.etree import ElementTree as ET

from typer.testing import CliRunner

from infra.__main__ import app


def test_the_metadata_package_is_written_to_a_folder(tmp_path: Path):
    """As Salesforce's own client deploys it, with the command that does."""
    told = CliRunner().invoke(app, ["crm", "package", str(tmp_path / "package")])

    assert 0 == told.exit_code
    assert f"--metadata-dir {tmp_path / 'package'}" in told.output
    files = {str(path.relative_to(tmp_path / "package")) for path in (tmp_path / "package").rglob("*") if path.is_file()}
    objects = {f"objects/{kind}.object" for kind in ("Lead", "Contact", "Opportunity")}
    assert objects | {"package.xml", "permissionsets/ProX_Writer.permissionset", "permissionsets/ProX_Reader.permissionset"} == files
    assert all(ET.parse(tmp_path / "package" / name).getroot().tag.startswith("{http://soap.sforce.com/2006/04/metadata}") for name in files)
