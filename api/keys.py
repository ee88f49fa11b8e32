"""API keys: which tenant a credential speaks for. Only hashes are known here."""

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from infra.settings import TenantSettings


class KeyRing:
    """The hashes of all tenants' keys."""

    def __init__(self, tenants: Mapping[str, TenantSettings]) -> None:
        self._hashes = [(digest.lower().encode(), tenant) for tenant, settings in tenants.items() for digest in settings.api_key_sha256]

    def tenant_of(self, key: str) -> str | None:
        """The tenant of a key; None if it is nobody's. Takes as long whichever key it is."""
        given = sha256(key.encode("utf-8", "surrogateescape")).hexdigest().encode()
        tenants = [tenant for digest, tenant in self._hashes if compare_digest(digest, given)]
        return tenants[0] if tenants else None
