"""Accounts: companies, by their open leads."""

from fastapi import APIRouter

from api import cursors
from api.deps import AccountPath, PagingDep, StoresDep, TenantDep
from api.problems import ProblemError
from api.shapes import AccountPublic, PagePublic, RankedLeadPublic
from connectors.cassandra.accounts import MOST
from connectors.cassandra.leads import Standing
from connectors.cassandra.page import page_of

router = APIRouter(prefix="/v1/accounts", tags=["accounts"])


@router.get("/{account}", summary="How likely a company is to buy")
def account_view(tenant: TenantDep, stores: StoresDep, account: AccountPath) -> AccountPublic:
    """Its open leads as one: how many, the account's score, the best of them, and when one was last active."""
    leads = stores.accounts.leads_of(tenant, account)
    if not leads:
        raise _unknown(account)
    return AccountPublic.of(account, leads[:MOST], is_shared=len(leads) > MOST)


@router.get("/{account}/leads", summary="Whom to call first in a company")
def account_leads(tenant: TenantDep, stores: StoresDep, account: AccountPath, query: PagingDep) -> PagePublic[RankedLeadPublic]:
    """Its open leads in order of falling propensity."""
    question = f"{tenant} account {account}"
    after = None
    if query.cursor is not None:
        propensity, lead = cursors.decode(question, query.cursor, float, str)
        after = -float(propensity), str(lead)
    leads = stores.accounts.leads_of(tenant, account)
    if not leads:
        raise _unknown(account)
    if len(leads) > MOST:
        raise ProblemError(422, "shared-account", f"More than {MOST} leads have {account!r}: it stands for no company. Ask for `/v1/leads`.")
    rest = [lead for lead in leads if after is None or (-lead.propensity, lead.lead) > after]
    page = page_of(rest, query.limit, lambda lead: Standing(lead.propensity, lead.lead))
    return PagePublic(items=[RankedLeadPublic.of(item) for item in page.items], next=page.next and cursors.encode(question, page.next))


def _unknown(account: str) -> ProblemError:
    return ProblemError(404, "unknown-account", f"No open lead of account {account!r} is known.")
