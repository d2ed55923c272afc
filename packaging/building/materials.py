"""Writes a bill of materials as CycloneDX wants it, with the library of its makers."""

import datetime
import uuid
from collections.abc import Sequence

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from building.inventory import Part
from building.project import epoch, version

SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "phichat.bill-of-materials")


def bill(found: Sequence[Part]) -> str:
    """The parts as JSON. The same parts at the same time of the project give the same text, serial number included."""
    program = Component(
        name="Phichat",
        version=version(),
        type=ComponentType.APPLICATION,
        bom_ref="phichat",
        licenses=[LicenseFactory().make_from_string("MIT")],
        purl=PackageURL("generic", name="phichat", version=version()),
    )
    when = datetime.datetime.fromtimestamp(epoch(), datetime.UTC)
    components = [_component(part) for part in found]
    content = "\n".join(sorted(f"{part.address} {part.licence} {part.sha256}" for part in found))
    serial = uuid.uuid5(SPACE, f"{version()} {epoch()}\n{content}")
    bom = Bom(components=components, serial_number=serial, metadata=BomMetaData(component=program, timestamp=when))
    bom.register_dependency(program, components)
    return f"{JsonV1Dot6(bom).output_as_string(indent=2)}\n"


def trouble(text: str) -> str:
    """What CycloneDX's schema has against it; empty if nothing."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return str(error) if error else ""


def _component(part: Part) -> Component:
    return Component(
        name=part.name,
        version=part.version or None,
        type=ComponentType(part.kind),
        bom_ref=part.address,
        licenses=[LicenseFactory().make_from_string(part.licence)] if part.licence else [],
        purl=PackageURL.from_string(part.address),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else [],
    )
