"""Manifests of older bundles as today's: plain data in, plain data of the next version out. Files are never changed.

History: see `manifest`.
"""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def _from_1(manifest: Data) -> Data:
    """Version 2 only added fields."""
    return manifest | {"bundle_version": 2}


def _from_2(manifest: Data) -> Data:
    """Version 3 only added fields."""
    return manifest | {"bundle_version": 3}


def _from_3(manifest: Data) -> Data:
    """Version 4: identity as data."""
    upgraded = {name: value for name, value in manifest.items() if name != "dense"}
    return upgraded | {
        "bundle_version": 4,
        "reference": manifest["dense"],
        "networks": [_network_from_3(network) for network in manifest["networks"]],
    }


def _network_from_3(network: Data) -> Data:
    """The granularity was one text, "kernel / neuron"; a network of the paper was known by its count alone."""
    conv, _, micro = str(network["granularity"]).partition(" / ")
    is_preset = network.get("preset_synapses") is not None
    return network | {
        "granularity": {"conv": conv, "micro": micro or conv, "block": None},
        "preset": network["name"] if is_preset else None,
    }


def _from_4(manifest: Data) -> Data:
    """Version 5 only added fields."""
    return manifest | {"bundle_version": 5}


def _from_5(manifest: Data) -> Data:
    """Version 6 only added fields."""
    return manifest | {"bundle_version": 6}


UPGRADES: dict[int, Callable[[Data], Data]] = {1: _from_1, 2: _from_2, 3: _from_3, 4: _from_4, 5: _from_5}


def upgraded(manifest: Data) -> Data:
    """The manifest in the newest version that upgrades lead to; one of an unknown version comes back as it is."""
    while (version := manifest.get("bundle_version")) in UPGRADES:
        manifest = UPGRADES[version](manifest)
    return manifest
