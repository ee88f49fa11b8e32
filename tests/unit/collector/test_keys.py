import stat
from pathlib import Path

import pytest

from api.collector.keys import KeyStore, add_key, read_keys
from schemas.errors import ConfigError


def test_a_new_key_is_shown_once_and_kept_as_a_hash(tmp_path: Path):
    """Who reads the file cannot send; only its owner reads it."""
    file = tmp_path / "keys.toml"
    keys = [add_key(file, "acme", source) for source in ("website", "app")]
    store = KeyStore(file, lambda: 0.0)

    assert ["website", "app"] == [found.source for key in keys if (found := store.by_key(key))]
    assert not any(key in file.read_text(encoding="utf-8") for key in keys)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("tenant", ["", "a|b", "a b"])
def test_a_tenant_that_is_none_gets_no_key(tmp_path: Path, tenant: str):
    """And the file is as it was."""
    with pytest.raises(ConfigError):
        add_key(tmp_path / "keys.toml", tenant, "website")

    assert [] == list(tmp_path.iterdir())


def test_a_host_is_one_keys(tmp_path: Path):
    """Two keys for one host would leave it open whose events they are."""
    file = tmp_path / "keys.toml"
    add_key(file, "acme", "a", hosts=("x.example",))

    with pytest.raises(ConfigError, match=r"x\.example"):
        add_key(file, "acme", "b", hosts=("X.example",))


@pytest.mark.parametrize(
    "text", ["[[keys]]", "keys = 7", "{", '[[keys]]\nsha256 = "x"\ntenant = "t"\nsource = "s"', "[[keys]]\nunknown = 1"], ids=range(5)
)
def test_a_file_that_is_wrong_is_told(tmp_path: Path, text: str):
    """At start-up, in words."""
    (tmp_path / "keys.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match="write keys"):
        read_keys(tmp_path / "keys.toml")


def test_a_file_that_is_wrong_later_leaves_the_keys_that_were_there(tmp_path: Path):
    """A slip of the editor must not shut everybody out."""
    file = tmp_path / "keys.toml"
    key = add_key(file, "acme", "website")
    ticks = iter(range(0, 100, 10))
    store = KeyStore(file, lambda: float(next(ticks)))
    file.write_text("[[keys", encoding="utf-8")

    assert store.by_key(key) is not None
