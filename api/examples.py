"""Examples for the OpenAPI document, put together from the examples of the fields, so that they cannot disagree with the shapes."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def example_of(schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """An example of a schema: its own, or one made of its parts'. `schemas` holds what it refers to."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    match schema.get("type"):
        case "object":
            return {name: example_of(part, schemas) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"], schemas)]
        case _:
            raise ValueError(f"a field without an example: {schema.get('title', schema)}")
