"""The README says what is there."""

import ast
import importlib
import json
import re
import tomllib

import pytest
from typer.main import get_command

from infra.__main__ import app
from infra.settings import TenantSettings
from tests.readme import README, ROOT, blocks, commands

TEXT = README.read_text(encoding="utf-8")


def test_the_first_screen_has_the_two_commands():
    """One to see it, one to check it."""
    assert ["make demo", "make test"] == commands(blocks("sh")[0])


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", "\n".join([*blocks("sh"), *re.findall(r"`(make [^`]*)`", TEXT)])))))
def test_every_target_is_in_the_makefile(target: str):
    """Nobody is sent to a target that is not there."""
    assert re.search(rf"^{target}:.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_every_link_leads_somewhere(link: str):
    """Links are paths of this repository."""
    assert (ROOT / link).exists()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"-m infra ([a-z][a-z-]*)", TEXT))))
def test_every_command_of_infra_exists(command: str):
    """As the command line knows it."""
    assert command in get_command(app).commands


def test_the_example_in_python_uses_what_exists():
    """Every name that it imports is where it says."""
    imports = [node for node in ast.walk(ast.parse(blocks("python")[0])) if isinstance(node, ast.ImportFrom)]

    assert all(hasattr(importlib.import_module(node.module or ""), alias.name) for node in imports for alias in node.names)


def test_the_tenant_of_the_example_is_valid():
    """The table is one that the tenants file may hold."""
    tables = tomllib.loads(blocks("toml")[0])

    assert ["acme"] == [name for name, table in tables.items() if TenantSettings.model_validate(table)]


def test_answers_are_json():
    """So that their shape can be compared with the API's."""
    assert 2 == len([json.loads(block) for block in blocks("json")])


def test_every_package_is_in_the_tree():
    """And nothing else is said to be there."""
    tree = next(block for block in blocks("") if "schemas/" in block)
    named = re.findall(r"^([a-z]+)/", tree, re.MULTILINE)

    assert all((ROOT / name).is_dir() for name in named)
    assert {"api", "connectors", "infra", "jobs", "models", "schemas", "tests"} <= set(named)
