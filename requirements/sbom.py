"""Write the software bill of materials (CycloneDX 1.6) of what a user installs: `make sbom`.

Every package of the locks that sis-edge or one of its extras (but `rtx`) needs, by version, with the SHA-256 of each of
its files, and torch by version. What sis-edge itself asks for is named; which package asked for the others is unknown,
since locks do not say. The same bytes for the same locks.
"""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from locks import INSTALLED, ROOT, entries
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAMES = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""RFC 9562's namespace for URLs."""


def main(folder: str = "dist") -> None:
    """Write `sis-edge-VERSION.cdx.json` into the folder."""
    (version,) = re.findall(r'^__version__ = "(.+)"$', (ROOT / "sis_edge" / "__init__.py").read_text(), re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = [package(entry) for entry in entries(*INSTALLED)]
    text = bill(project, version, packages)
    faults = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if faults is not None:
        raise SystemExit(f"the bill is not valid CycloneDX 1.6: {faults}")
    target = Path(folder) / f"sis-edge-{version}.cdx.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    print(f"{target}: {len(packages)} packages")


def package(entry: str) -> Component:
    """An entry of a lock as a component; it has a file for each system and Python, so that its hashes are many."""
    name, version = re.split(r"==|[ \n]", entry)[:2]
    purl = PackageURL("pypi", None, name, version)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in re.findall("sha256:([0-9a-f]{64})", entry)]
    files = ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), hashes=hashes)
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl), external_references=[files])


def bill(project: dict, version: str, packages: list[Component]) -> str:
    """The document; its number is made of its components, and it has no time."""
    purl = PackageURL("pypi", None, project["name"], version)
    root = Component(
        name=project["name"], version=version, purl=purl, bom_ref=str(purl), type=ComponentType.APPLICATION
    )
    root.licenses.add(DisjunctiveLicense(id=project["license"]))
    found = Bom(
        components=packages, serial_number=uuid.uuid5(NAMES, "\n".join(sorted(str(each.purl) for each in packages)))
    )
    found.metadata.component = root
    asked = project["dependencies"] + [line for lines in project["optional-dependencies"].values() for line in lines]
    names = {canonicalize_name(Requirement(line).name) for line in asked}
    found.register_dependency(root, [each for each in packages if each.name in names])
    document = json.loads(JsonV1Dot6(found).output_as_string())
    del document["metadata"]["timestamp"]
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
