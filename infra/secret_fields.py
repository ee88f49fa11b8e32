"""Which fields of a configuration are secret, and configurations that travel without them."""

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str, ...]


def secret_fields(kind: type[BaseModel]) -> Iterator[Path]:
    """Where a kind of configuration holds secrets, in itself and in the configurations within it."""
    for name, field in kind.model_fields.items():
        if _is_secret(field):
            yield (name,)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in secret_fields(field.annotation))


def without_secrets(model: Model) -> Model:
    """The same, each secret as its default."""
    for path in secret_fields(type(model)):
        model = replaced(model, path, _default(type(model), path))
    return model


def replaced(model: Model, path: Path, value: Any) -> Model:
    """The same but for the field at this path."""
    name, *rest = path
    return model.model_copy(update={name: replaced(getattr(model, name), tuple(rest), value) if rest else value})


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))


def _default(kind: type[BaseModel], path: Path) -> Any:
    name, *rest = path
    field = kind.model_fields[name]
    if not rest:
        return field.default
    assert isinstance(field.annotation, type)
    return _default(field.annotation, tuple(rest))
