"""Takes a deployment's topics and schemas away: those of one topic prefix."""

import httpx
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from connectors.kafka.config import KafkaConfig
from schemas.errors import RetriableError

TIMEOUT_S = 30.0


def remove(config: KafkaConfig, prefix: str) -> list[str]:
    """Delete every topic, and every subject of the registry, whose name begins so.

    Parameters
    ----------
    config
        Where Kafka and the registry are; its own topic prefix is not looked at.
    prefix
        Not empty: everything would go.

    Returns
    -------
    The names of the topics that are gone.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    """
    if not prefix:
        raise ValueError("a prefix is needed: without one, everything would go")
    try:
        gone = _remove_topics(config, prefix)
        _remove_subjects(config, prefix)
    except (KafkaException, httpx.HTTPError) as exc:
        raise RetriableError(f"what begins with {prefix} was not removed from {config.bootstrap_servers} and its registry: {exc}") from exc
    return gone


def _remove_topics(config: KafkaConfig, prefix: str) -> list[str]:
    admin = AdminClient({"bootstrap.servers": config.bootstrap_servers, "log_level": 0})
    names = sorted(name for name in admin.list_topics(timeout=TIMEOUT_S).topics if name.startswith(prefix))
    if not names:
        return []
    for future in admin.delete_topics(names, operation_timeout=TIMEOUT_S).values():
        try:
            future.result()
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:  # somebody else was faster
                raise
    return names


def _remove_subjects(config: KafkaConfig, prefix: str) -> None:
    with httpx.Client(base_url=config.registry_url, timeout=TIMEOUT_S, trust_env=False) as registry:
        for subject in registry.get("/subjects").raise_for_status().json():
            if subject.startswith(prefix):
                # the first hides it, the second frees its name
                registry.delete(f"/subjects/{subject}")
                registry.delete(f"/subjects/{subject}", params={"permanent": "true"})
