"""Our fields in Salesforce as a metadata package: what its Metadata API deploys, and a person can read before."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from connectors.crm.fields import GRADE, LEAD_ID, PROPENSITY, REVISION, TEXT_LENGTH, Field
from connectors.salesforce.sink import CONTACT, LEAD, OPPORTUNITY, field_of, shown_on

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
KINDS = (LEAD, CONTACT, OPPORTUNITY)
TEXTS = {GRADE: 2, REVISION: 40}
"""Characters of the texts that are short."""
NUMBERS = {"score": (3, 0), PROPENSITY: (7, 6), "model_version": (18, 0)}
"""Digits in all, and behind the point."""
WRITER, READER = "ProX_Writer", "ProX_Reader"

Part = tuple[str, "str | Sequence[Part]"]
"""An element: its name, and its text or its elements."""


def package(api_version: str) -> Mapping[str, str]:
    """Path → content, for `sf project deploy start --metadata-dir`. `api_version` as in the account's configuration, `v62.0`."""
    members: list[Part] = [
        ("types", [*(("members", f"{kind}.{field_of(field.name)}") for kind in KINDS for field in shown_on(kind)), ("name", "CustomField")]),
        ("types", [("members", WRITER), ("members", READER), ("name", "PermissionSet")]),
        ("version", api_version.removeprefix("v")),
    ]
    return {
        "package.xml": _xml("Package", members),
        **{f"objects/{kind}.object": _xml("CustomObject", [("fields", _field(field)) for field in shown_on(kind)]) for kind in KINDS},
        f"permissionsets/{WRITER}.permissionset": _permissions("ProX writer", "For the integration's user.", writes=True),
        f"permissionsets/{READER}.permissionset": _permissions("ProX reader", "For whoever is to see scores.", writes=False),
    }


def _field(field: Field) -> list[Part]:
    parts: list[Part] = [("fullName", field_of(field.name)), ("label", field.label), ("description", field.about), ("inlineHelpText", field.about)]
    parts += [("required", "false"), ("trackTrending", "false")]
    if field.kind == "datetime":
        return [*parts, ("type", "DateTime")]
    if field.kind == "number":
        precision, scale = NUMBERS[field.name]
        return [*parts, ("type", "Number"), ("precision", str(precision)), ("scale", str(scale)), ("unique", "false")]
    text: list[Part] = [("type", "Text"), ("length", str(TEXTS.get(field.name, TEXT_LENGTH)))]
    if field.name == LEAD_ID:
        return [*parts, *text, ("unique", "true"), ("externalId", "true"), ("caseSensitive", "true")]
    return [*parts, *text, ("unique", "false"), ("externalId", "false")]


def _permissions(label: str, about: str, *, writes: bool) -> str:
    parts: list[Part] = [("description", about)]
    for kind in KINDS:
        for field in shown_on(kind):
            allowed: list[Part] = [("editable", str(writes).lower()), ("field", f"{kind}.{field_of(field.name)}"), ("readable", "true")]
            parts.append(("fieldPermissions", allowed))
    return _xml("PermissionSet", [*parts, ("hasActivationRequired", "false"), ("label", label)])


def _xml(name: str, parts: Sequence[Part]) -> str:
    root = ET.Element(name, xmlns=NAMESPACE)
    _append(root, parts)
    ET.indent(root, space="    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _append(parent: ET.Element, parts: Sequence[Part]) -> None:
    for name, content in parts:
        element = ET.SubElement(parent, name)
        if isinstance(content, str):
            element.text = content
        else:
            _append(element, content)
