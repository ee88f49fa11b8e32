from hashlib import sha256

from api.keys import KeyRing
from infra.settings import TenantSettings


def _tenant(*keys: str) -> TenantSettings:
    return TenantSettings(api_key_sha256=tuple(sha256(key.encode()).hexdigest() for key in keys))


def test_a_key_speaks_for_its_tenant():
    """Each of a tenant's keys, and no other's."""
    ring = KeyRing({"acme": _tenant("one", "two"), "globex": _tenant("three")})

    assert ["acme", "acme", "globex", None, None] == [ring.tenant_of(key) for key in ("one", "two", "three", "four", "")]


def test_a_hash_is_no_key():
    """Whoever reads the tenants file cannot ask with what it says."""
    ring = KeyRing({"acme": _tenant("one")})

    assert ring.tenant_of(sha256(b"one").hexdigest()) is None
