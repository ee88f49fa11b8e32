"""Whom a demo is run for: its tenant, the tenant's policy and its API key, as a tenants file."""

import hashlib
import json
from dataclasses import dataclass

from schemas.policy import TenantPolicy


@dataclass(frozen=True, slots=True)
class DemoTenant:
    """A tenant and the key that speaks for it; the key is shown to people and written nowhere. `crm`: tables of its CRM accounts, sealed."""

    name: str
    policy: TenantPolicy
    key: str
    crm: str = ""


def tenant_table(tenant: DemoTenant) -> str:
    """The tenants file for one tenant.

    A JSON string is a TOML string too, and a list of them a TOML array.
    """
    policy = tenant.policy
    return f"""\
[{json.dumps(tenant.name)}]
attribution_window = {0 if policy.window_ms is None else policy.window_ms // 1000}
skip_types = {json.dumps(sorted(policy.skip_types))}
is_repeatable = {json.dumps(policy.is_repeatable)}
prior = {policy.prior}
challengers = {json.dumps(policy.challengers)}
api_key_sha256 = [{json.dumps(hashlib.sha256(tenant.key.encode()).hexdigest())}]

{tenant.crm}"""
