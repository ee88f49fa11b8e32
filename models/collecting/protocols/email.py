"""What happens to an e-mail, in ProX's words, whoever sent it."""

from schemas.event import OBSERVATION

EMAIL = "email"

SENDGRID = {
    "processed": ("email_sent", OBSERVATION),
    "deferred": ("email_deferred", OBSERVATION),
    "delivered": ("email_delivered", OBSERVATION),
    "open": ("email_opened", EMAIL),
    "click": ("email_clicked", EMAIL),
    "bounce": ("email_bounced", OBSERVATION),
    "dropped": ("email_dropped", OBSERVATION),
    "spamreport": ("email_complained", EMAIL),
    "unsubscribe": ("email_unsubscribed", EMAIL),
    "group_unsubscribe": ("email_unsubscribed", EMAIL),
    "group_resubscribe": ("email_resubscribed", EMAIL),
}
"""SendGrid's name → type and channel; what a machine does is observed, what a person does counts."""

MAILGUN = {
    "accepted": ("email_sent", OBSERVATION),
    "delivered": ("email_delivered", OBSERVATION),
    "opened": ("email_opened", EMAIL),
    "clicked": ("email_clicked", EMAIL),
    "failed": ("email_bounced", OBSERVATION),
    "rejected": ("email_dropped", OBSERVATION),
    "complained": ("email_complained", EMAIL),
    "unsubscribed": ("email_unsubscribed", EMAIL),
}
