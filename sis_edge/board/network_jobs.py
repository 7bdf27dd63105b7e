"""Which runtime measures which network of a bundle: formed ones in their forms, the user's own as they are."""

from collections.abc import Sequence

from sis_agent.schema import Facts, NetworkJob
from sis_edge.bundles.identity import label
from sis_edge.bundles.manifest import GivenNetwork, Manifest
from sis_edge.errors import UsageError
from sis_edge.profiles import DeviceProfile, with_backend
from sis_edge.registries import BACKENDS


def profile_for(
    manifest: Manifest, networks: Sequence[str] | None, profile: DeviceProfile, asked: Sequence[str] = ()
) -> DeviceProfile:
    """The profile with the runtimes that were asked for; without any, with those that take the files to measure.

    Only where all of them are a user's own and of one kind: which runtimes measure ONNX and TFLite files side by side
    is the user's choice. Raises UsageError for a runtime that the profile does not have.
    """
    if asked:
        return with_backend(profile, *asked)
    kinds = {each.runtime for each in manifest.given if networks is None or each.name in networks}
    if len(kinds) != 1 or any(networks is None or each.name in networks for each in manifest.networks):
        return profile
    (kind,) = kinds
    able = [name for name in profile.runtime.runners if BACKENDS[name].takes == kind]
    return with_backend(profile, *(able or [name for name, each in BACKENDS.items() if each.only_given][:1]))


def network_jobs(
    manifest: Manifest,
    networks: Sequence[str] | None,
    profile: DeviceProfile,
    runners: Sequence[str],
    facts: Facts | None = None,
) -> list[NetworkJob]:
    """What is measured of these networks (None: all), with every runtime that has a form for them.

    Several runtimes measure in one job: then each network's name has its runtime, as in reports.
    Raises UsageError for a network that none of them takes.
    """
    several = len(runners) > 1
    jobs: list[NetworkJob] = []
    for entry in manifest.networks:
        if networks is None or entry.name in networks:
            for runner in runners:
                found = BACKENDS.find(runner).jobs(entry, profile.target(runner, facts))
                jobs += [_with(job, runner) for job in found] if several else found
    for given in manifest.given:
        if networks is None or given.name in networks:
            for runner, job in _given(given, profile, runners, facts):
                jobs.append(_with(job, runner) if several else job)
    return jobs


def left_out(manifest: Manifest, networks: Sequence[str] | None, profile: DeviceProfile) -> str | None:
    """The sentence on precisions that the bundle has for the profile's runtimes, and the profile does not ask for."""
    asked = {(spec.runtime, spec.precision) for spec in profile.variant_specs}
    left = {
        variant.precision
        for entry in manifest.networks
        if networks is None or entry.name in networks
        for variant in entry.variants
        if variant.runtime in profile.runtime.runners and (variant.runtime, variant.precision) not in asked
    }
    if not left:
        return None
    return (
        f"not measured: the bundle's networks in {' and '.join(sorted(left))}, for the profile {profile.name} does not "
        f"ask for them; to measure them too: --profile {manifest.profile}"
    )


def _given(
    network: GivenNetwork, profile: DeviceProfile, runners: Sequence[str], facts: Facts | None
) -> list[tuple[str, NetworkJob]]:
    """A network of the user's own with each runtime that takes its kind of file."""
    found = [
        (runner, job)
        for runner in runners
        if (job := BACKENDS.find(runner).given(network, profile.target(runner, facts))) is not None
    ]
    if found:
        return found
    others = [name for name, each in BACKENDS.items() if each.takes == network.runtime and not each.needs_table][:1]
    raise UsageError(
        f"{network.name} is a .{network.runtime} file, which {' and '.join(runners)} cannot take; "
        f"name a runtime that does too (--backend {','.join([*runners, *others])}), or leave it out with --networks"
    )


def _with(job: NetworkJob, runner: str) -> NetworkJob:
    """The job for that runtime, named for people as reports name it."""
    return job._replace(runner=runner, name=label(job.network or job.name, job.form, job.precision, runner))
