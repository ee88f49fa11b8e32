import base64
import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.event import OBSERVATION
from tests.builders import MONDAY, later
from tests.collector import Desk, away, key_table

SECRET = "a-shared-secret-of-a-webhook"
PRIVATE = ec.derive_private_key(4_711, ec.SECP256R1())
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
NOW_S = MONDAY // 1_000
PATH = "/v1/webhooks"
MAPPING = """
each = "$.messages[*]"
signature_prefix = "sha256="
[keys.webhook.fields]
id = "$.id"
type = "=chat_answered"
channel = "=chat"
user_id = "$.visitor.id"
occurred_at = "$.at"
"person.email" = "$.visitor.mail"
"properties.mood" = "$.tags[?@.kind == 'mood'].value"
"context.locale" = "$.lang"
"""


def a_desk(folder: Path, kind: str, secret: str = SECRET, more: str = "") -> Desk:
    return Desk(folder, key_table(more=f'[keys.webhook]\nkind = "{kind}"\nsecret = "{secret}"\n{more}'))


def sendgrid_headers(body: bytes, stamp: int = NOW_S) -> dict[str, str]:
    signature = PRIVATE.sign(str(stamp).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": str(stamp),
    }


MAILS = json.dumps(
    [
        {"email": "ada@lovelace.example", "timestamp": NOW_S - 60, "event": "open", "sg_event_id": "sg-1", "useragent": "Mail", "ip": "203.0.113.7"},
        {"email": "ada@lovelace.example", "timestamp": NOW_S, "event": "open", "sg_event_id": "sg-2", "sg_machine_open": True},
        {
            "email": "ada@lovelace.example",
            "timestamp": NOW_S,
            "event": "click",
            "sg_event_id": "sg-3",
            "url": "https://a.example/?x=1",
            "user_id": "u-1",
        },
        {"email": "ada@lovelace.example", "event": "teleport"},
    ]
).encode()


def test_sendgrids_events_become_events_of_the_email_channel(tmp_path: Path):
    """What a person does counts; what a mail program does is observed; what is unknown is kept."""
    desk = a_desk(tmp_path, "sendgrid", PUBLIC)
    answer = desk.post(PATH, MAILS, headers=sendgrid_headers(MAILS))

    assert (200, 1) == (answer.status_code, len(desk.dead))
    assert [("sg-1", "email_opened", "email"), ("sg-2", "email_opened", OBSERVATION), ("sg-3", "email_clicked", "email")] == [
        (event.event_id, event.type, event.channel) for event in desk.events
    ]
    assert [True, True, False] == [event.lead.startswith("email:") for event in desk.events]
    assert later(MONDAY, minutes=-1) == desk.events[0].occurred_at


def test_the_published_vector_of_sendgrid_verifies(tmp_path: Path):
    """The example that SendGrid's own libraries are tested with."""
    key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA=="
    desk = a_desk(tmp_path, "sendgrid", key, "window_s = 86400")
    desk.now = type(MONDAY)(1_588_788_367_000)
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0=",
        "X-Twilio-Email-Event-Webhook-Timestamp": "1588788367",
    }
    body = b'{"category":"example_payload","event":"test_event","message_id":"message_id"}'
    codes = {desk.post(PATH, variant, headers=headers).json()["code"] for variant in (body, body + b"x")}

    assert {"not_json", "forged"} == codes  # one is signed, though no list


@pytest.mark.parametrize("forged", ["signature", "body", "stamp", "missing"])
def test_what_sendgrid_did_not_sign_is_refused(tmp_path: Path, forged: str):
    """A byte of the body, the stamp or the signature changed: 401 and nothing kept."""
    desk = a_desk(tmp_path, "sendgrid", PUBLIC)
    headers = sendgrid_headers(MAILS)
    body = MAILS
    match forged:
        case "signature":
            headers["X-Twilio-Email-Event-Webhook-Signature"] = base64.b64encode(b"0" * 70).decode()
        case "body":
            body = MAILS.replace(b"sg-1", b"sg-9")
        case "stamp":
            headers["X-Twilio-Email-Event-Webhook-Timestamp"] = str(NOW_S + 1)
        case "missing":
            headers = {}
    answer = desk.post(PATH, body, headers=headers)

    assert (401, "forged", []) == (answer.status_code, answer.json()["code"], desk.producer.sent)


@pytest.mark.parametrize("age_s", [-1_000, 1_000])
def test_an_old_request_is_a_replay(tmp_path: Path, age_s: int):
    """Rightly signed, but not now."""
    desk = a_desk(tmp_path, "sendgrid", PUBLIC)
    answer = desk.post(PATH, MAILS, headers=sendgrid_headers(MAILS, NOW_S - age_s))

    assert (401, "replayed") == (answer.status_code, answer.json()["code"])


def mailgun(token: str = "t-1", event: str = "opened", stamp: int = NOW_S, secret: str = SECRET) -> dict[str, Any]:
    signature = hmac.new(secret.encode(), f"{stamp}{token}".encode(), sha256).hexdigest()
    data = {
        "id": f"mg-{token}",
        "event": event,
        "timestamp": NOW_S - 1.5,
        "recipient": "ada@lovelace.example",
        "user-variables": {"campaign": "spring"},
    }
    return {"signature": {"timestamp": str(stamp), "token": token, "signature": signature}, "event-data": data}


def test_mailguns_events_become_events_of_the_email_channel(tmp_path: Path):
    """With the variables that the mail was sent with."""
    desk = a_desk(tmp_path, "mailgun")
    answer = desk.post(PATH, mailgun())
    (event,) = desk.events

    assert (200, "mg-t-1", "email_opened", "email", {"campaign": "spring"}, later(MONDAY, seconds=-1.5)) == (
        answer.status_code,
        event.event_id,
        event.type,
        event.channel,
        event.properties,
        event.occurred_at,
    )


def test_a_token_of_mailguns_is_taken_once(tmp_path: Path):
    """Its signature does not cover the event: who saw one request could send others with it."""
    desk = a_desk(tmp_path, "mailgun")
    forged = mailgun()
    forged["event-data"]["id"] = "mg-forged"
    statuses = [desk.post(PATH, body).status_code for body in (mailgun(), forged, mailgun("t-2"))]

    assert ([200, 200, 200], ["mg-t-1", "mg-t-2"]) == (statuses, [event.event_id for event in desk.events])


def test_a_token_whose_event_was_not_accepted_may_come_again(tmp_path: Path):
    """Mailgun sends again what was answered with 503."""
    desk = a_desk(tmp_path, "mailgun")
    desk.producer.error = away()
    first = desk.post(PATH, mailgun()).status_code
    desk.producer.error = None

    assert (503, 200, 1) == (first, desk.post(PATH, mailgun()).status_code, len(desk.events))


@pytest.mark.parametrize("body", [mailgun(secret="another-secret-of-nobody"), {"event-data": {}}, mailgun() | {"signature": {"token": 1}}, []])
def test_what_mailgun_did_not_sign_is_refused(tmp_path: Path, body: Any):
    """401 and nothing kept."""
    desk = a_desk(tmp_path, "mailgun")
    answer = desk.post(PATH, body)

    assert (401, []) == (answer.status_code, desk.producer.sent)


def signed(body: bytes, stamp: int = NOW_S, secret: str = SECRET) -> dict[str, str]:
    made = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return {"X-Signature": f"sha256={made}", "X-Timestamp": str(stamp)}


CHAT = json.dumps(
    {
        "messages": [
            {
                "id": 5,
                "visitor": {"id": "v-1", "mail": "ada@lovelace.example"},
                "at": NOW_S,
                "tags": [{"kind": "mood", "value": "good"}],
                "lang": "en",
            },
            {"id": "6", "visitor": {}},
        ]
    }
).encode()


def test_any_signed_webhook_is_read_by_a_mapping(tmp_path: Path):
    """JSONPath to fields; constants after an equals sign; an event that names nobody is kept as a dead letter."""
    desk = a_desk(tmp_path, "hmac", more=MAPPING)
    answer = desk.post(PATH, CHAT, headers=signed(CHAT))
    (event,) = desk.events

    assert (200, 1) == (answer.status_code, len(desk.dead))
    assert ("5", "chat_answered", "chat", "v-1", {"mood": "good"}, "en") == (
        event.event_id,
        event.type,
        event.channel,
        event.lead,
        event.properties,
        event.context["locale"],
    )


@pytest.mark.parametrize(("headers", "code"), [(signed(CHAT, secret="x" * 20), "forged"), ({}, "forged"), (signed(CHAT, NOW_S - 3_600), "replayed")])
def test_a_mapped_webhook_must_be_signed_now(tmp_path: Path, headers: dict[str, str], code: str):
    """By the key's secret, over stamp and body."""
    desk = a_desk(tmp_path, "hmac", more=MAPPING)
    answer = desk.post(PATH, CHAT, headers=headers)

    assert (401, code, []) == (answer.status_code, answer.json()["code"], desk.producer.sent)


def test_a_key_without_a_webhook_takes_none(tmp_path: Path):
    """An ordinary key, which stands in pages, signs nothing."""
    assert 401 == Desk(tmp_path).post(PATH, CHAT, headers=signed(CHAT)).status_code
