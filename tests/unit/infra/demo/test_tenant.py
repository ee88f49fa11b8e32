"""What the demo writes and shows."""

import hashlib
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from infra.crm.accounts import crm_accounts
from infra.demo.crm import FakeCrm
from infra.demo.tenant import DemoTenant, tenant_table
from infra.settings import Settings
from schemas.policy import TenantPolicy

POLICIES = [
    TenantPolicy(),
    TenantPolicy(window_ms=None, is_repeatable=True, prior=0.3, challengers=("plain", "slow")),
    TenantPolicy(window_ms=86_400_000, skip_types=frozenset({'A "quoted" type', "W_Nabellen offertes"})),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_tenant_s_policy_survives_the_tenants_file(tmp_path: Path, policy: TenantPolicy) -> None:
    """What a manifest decides reaches the jobs unchanged."""
    path = tmp_path / "tenants.toml"
    path.write_text(tenant_table(DemoTenant("bpic 2012", policy, "secret")), encoding="utf-8")

    tenants = Settings(tenants_file=path)

    assert {"bpic 2012": policy} == tenants.policies()


def test_the_tenants_file_holds_no_key(tmp_path: Path) -> None:
    """Only the digest of an API key is written."""
    path = tmp_path / "tenants.toml"
    path.write_text(tenant_table(DemoTenant("demo", TenantPolicy(), "secret")), encoding="utf-8")

    assert (hashlib.sha256(b"secret").hexdigest(),) == Settings(tenants_file=path).tenants()["demo"].api_key_sha256
    assert "secret" not in path.read_text(encoding="utf-8")


def test_the_tenants_account_is_in_its_file(tmp_path: Path) -> None:
    """The fake's token is sealed there, and the demo's keys open it."""
    fake = FakeCrm("http://127.0.0.1:1", "pat-7", Fernet.generate_key().decode())
    path = tmp_path / "tenants.toml"
    path.write_text(tenant_table(DemoTenant("bpic 2012", TenantPolicy(), "secret", fake.table("bpic 2012"))), encoding="utf-8")
    (account,) = crm_accounts(Settings(tenants_file=path, secrets_keys=SecretStr(fake.keys)))

    assert ("hubspot|bpic 2012", True, False) == (account.name, account.creates, account.matches)
    assert "pat-7" not in path.read_text(encoding="utf-8")
