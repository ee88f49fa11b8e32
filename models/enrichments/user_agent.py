"""What a user agent says of itself: `ua.browser`, `ua.os`, `ua.device`."""

from functools import lru_cache
from typing import NamedTuple

import ua_parser

from schemas.event import Event

USER_AGENT = "user_agent"
LONGEST = 512
"""Characters that are read: real ones have up to 300, and a regex over a payload gone astray costs milliseconds."""
SPIDER = "Spider"
TABLETS = ("iPad", "Tablet", "Kindle")
HANDHELD = frozenset({"Android", "iOS", "Windows Phone", "KaiOS"})
BOT = "bot"
NOT_BROWSERS = (
    *("bot", "spider", "crawl", "headless", "python", "curl", "wget", "go-http", "okhttp", "java/", "axios", "node-fetch", "scrapy"),
    "phantomjs",
)
"""Programs and libraries that the parser takes for agents of their own, not for spiders."""


class Agent(NamedTuple):
    """Browser and operating system by family; device is `desktop`, `mobile`, `tablet` or `bot`."""

    browser: str | None
    os: str | None
    device: str


def add(event: Event, context: dict[str, str]) -> None:
    """Say what the event's user agent is, if it has one."""
    text = event.context.get(USER_AGENT)
    if text:
        agent = parsed(text[:LONGEST])
        context["ua.device"] = agent.device
        if agent.browser is not None:
            context["ua.browser"] = agent.browser
        if agent.os is not None:
            context["ua.os"] = agent.os


@lru_cache(maxsize=10_000)
def parsed(text: str) -> Agent:
    """The agent of a text, by the patterns of the ua-parser project.

    Examples
    --------
    >>> parsed("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36")
    Agent(browser='Chrome', os='Windows', device='desktop')
    """
    result = ua_parser.parse(text)
    browser = result.user_agent.family if result.user_agent else None
    system = result.os.family if result.os else None
    device = result.device
    return Agent(browser, system, _device(text.lower(), system, device.family if device else "", f"{device.family} {device.model}" if device else ""))


def _device(text: str, system: str | None, family: str, model: str) -> str:
    if family == SPIDER or any(name in text for name in NOT_BROWSERS):
        return BOT
    if any(name in model for name in TABLETS) or (system == "Android" and "mobile" not in text):
        return "tablet"
    return "mobile" if system in HANDHELD else "desktop"
