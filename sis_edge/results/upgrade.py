"""Stored runs of older versions as today's: plain data in, plain data of the next version out. Files are never changed.

History: see `schema`.
"""

from collections.abc import Callable
from typing import Any

from sis_edge.bundles import upgrade as manifests

Data = dict[str, Any]

_ON_GPU_1 = ("tensorrt", "trtexec", "tensorrt_rtx")
"""The runtimes of version 1 that compute on a GPU; later records say so themselves."""


def _from_1(run: Data) -> Data:
    """Version 2: record and job of version 2, in which the identity of a network is data."""
    manifest = manifests.upgraded(run["manifest"])
    units = {network["name"]: network["granularity"]["conv"] for network in manifest["networks"]}
    record, job = run["record"], run["record"]["job"]
    identities = {network["name"]: _identity_from_1(network, manifest, units) for network in job["networks"]}
    upgraded_job = job | {
        "job_version": 2,
        "on_gpu": job["runner"] in _ON_GPU_1,
        "networks": [network | identities[network["name"]] for network in job["networks"]],
    }
    networks = [network | identities.get(network["name"], {}) for network in record["networks"]]
    return run | {
        "store_version": 2,
        "manifest": manifest,
        "record": record | {"record_version": 2, "job": upgraded_job, "networks": networks},
    }


def _identity_from_1(network: Data, manifest: Data, units: dict[str, str]) -> Data:
    """What version 1 had in options and files of a job's network."""
    name = network.get("network") or network["name"]
    options, files = network.get("options") or {}, network.get("files") or {}
    form = "native" if "custom_ops" in files else "sparse24" if options.get("sparse_weights") else "plain"
    variants = [variant for entry in manifest["networks"] for variant in entry.get("variants", ())]
    of_file = {variant["model"]: variant["precision"] for variant in variants}
    precision = options.get("precision") or of_file.get(network["model"], "fp32")
    return {"network": name, "form": form, "precision": precision, "granularity": units.get(name)}


def _from_2(run: Data) -> Data:
    """Version 3: record and job of version 3; what only that records stays unknown."""
    record = run["record"]
    job = record["job"] | {"job_version": 3}
    return run | {"store_version": 3, "record": record | {"record_version": 3, "job": job}}


def _from_3(run: Data) -> Data:
    """Version 4: record and job of version 4, manifest of version 5; both only added fields."""
    record = run["record"]
    job = record["job"] | {"job_version": 4}
    upgraded_record = record | {"record_version": 4, "job": job}
    return run | {"store_version": 4, "manifest": manifests.upgraded(run["manifest"]), "record": upgraded_record}


def _from_4(run: Data) -> Data:
    """Version 5: record of version 5, which only added fields."""
    return run | {"store_version": 5, "record": run["record"] | {"record_version": 5}}


def _from_5(run: Data) -> Data:
    """Version 6: record of version 6 and job of version 5, which only added fields."""
    record = run["record"] | {"record_version": 6, "job": run["record"]["job"] | {"job_version": 5}}
    return run | {"store_version": 6, "record": record}


UPGRADES: dict[int, Callable[[Data], Data]] = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4, 5: _from_5}


def upgraded(run: Data) -> Data:
    """The run in the newest version that upgrades lead to; one of an unknown version comes back as it is."""
    while (version := run.get("store_version")) in UPGRADES:
        run = UPGRADES[version](run)
    return run
