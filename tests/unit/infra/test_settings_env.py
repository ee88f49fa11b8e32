"""`settings.env` shows every variable with its default."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter

from infra import settings
from infra.settings import PREFIX, Settings

FILE = Path(settings.__file__).with_name("settings.env")
LINE = re.compile(r"^#?(PROX_[A-Z0-9_]+)=(.*)$", re.MULTILINE)


def fields_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        variable = f"{prefix}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields_of(field.annotation, f"{variable}__")
        else:
            yield variable, field.default


def as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, timedelta):
        return json.loads(TypeAdapter(timedelta).dump_json(value))
    return json.dumps(list(value)) if isinstance(value, tuple) else str(value)


def test_the_file_shows_every_variable_with_its_default() -> None:
    """A variable that is added, dropped or given another default changes the file too."""
    assert {variable: as_text(default) for variable, default in fields_of(Settings, PREFIX)} == dict(LINE.findall(FILE.read_text(encoding="utf-8")))


def test_the_file_says_what_the_defaults_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shown value, set as a variable, gives the settings that no variable gives."""
    without_variables = Settings()
    for variable, value in LINE.findall(FILE.read_text(encoding="utf-8")):
        if value:
            monkeypatch.setenv(variable, value)

    assert without_variables == Settings.from_environment()
