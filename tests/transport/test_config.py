"""The SSH configuration, against `ssh -G` where that knows it, else against ssh_config(5)."""

import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sis_edge.errors import TransportError
from sis_edge.transport.ssh import match
from sis_edge.transport.ssh.config import SshConfig
from sis_edge.transport.ssh.host_options import HostOptions

COMPARED = (
    *("hostname", "port", "user", "identityfile", "certificatefile", "identitiesonly", "identityagent"),
    "hashknownhosts",
)
MORE = ("hostkeyalias", "proxyjump", "proxycommand", "userknownhostsfile")


def lookup(path: Path, host: str = "nano", **given: object) -> HostOptions:
    return SshConfig(path, path.parent, None).lookup(host, **given)  # type: ignore[arg-type]


def of_text(folder: Path, text: str | bytes, host: str = "nano") -> HostOptions:
    path = folder / "config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return lookup(path, host)


def as_ssh_says(options: HostOptions) -> dict[str, list[str]]:
    """The options in the words of `ssh -G`; what is not set is left out."""
    said = {"hostname": [options.host], "port": [str(options.port)], "user": [options.user]}
    said |= {name: list(values) for name, values in options.lists.items()}
    if "identityagent" in options.values:
        said["identityagent"] = [options.expand(options.get("identityagent"))]
    for name in ("hostkeyalias", "proxyjump", "proxycommand", "userknownhostsfile"):
        if name in options.values:
            said[name] = [" ".join(options.values[name])]
    for name in ("identitiesonly", "hashknownhosts"):
        said[name] = ["yes" if options.is_on(name) else "no"]
    return said


def of_ssh(path: Path, host: str) -> dict[str, list[str]] | None:
    """What `ssh -G` says, None where it refuses the file."""
    done = subprocess.run(["ssh", "-G", "-F", str(path), host], capture_output=True, text=True)
    if done.returncode:
        return None
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        said.setdefault(name, []).append(value)
    return said


names = st.sampled_from(["nano", "orin", "192.168.1.20", "nano.lab", "*", "n*", "?ano", "!nano", "192.168.*", '"nano"'])
lists = st.lists(names, min_size=1, max_size=2).map(",".join)
blanks = st.sampled_from([" ", "=", " = ", "\t"])
ends = st.sampled_from(["", "", "  ", " # a comment", "\r"])
conditions = st.one_of(
    *(
        st.tuples(st.sampled_from(["host", "originalhost", "!host", "Host"]), blanks, lists).map("".join),
        st.tuples(st.sampled_from(["user ", "!user ", "localuser "]), st.sampled_from(["bench", "ro*", "*,!root"])).map(
            "".join
        ),
        st.sampled_from(["final", "!final", "canonical", "exec true", 'exec "test %h = nano"', "!exec false"]),
        st.sampled_from(['exec "test %r-%p-%n = bench-22-nano"', 'exec="exit 1"']),
    )
)
values = {
    "HostName": ["192.168.1.20", "%h.lab", "nano", '"NANO.lab"'],
    "User": ["bench", "'two words'", "root"],
    "Port": ["22", "2222"],
    "IdentityFile": ["~/.ssh/nano", '"/keys/of %h"', "${HOME}/key", "/a\\ b", "/a#b"],
    "CertificateFile": ["/cert.pub", "~/c.pub"],
    "IdentitiesOnly": ["yes", "no", "TRUE"],
    "HashKnownHosts": ["yes", "no"],
    "IdentityAgent": ["none", "/run/agent", "$AGENT", "${HOME}/agent"],
    "HostKeyAlias": ["the-board", "nano.lab"],
    "UserKnownHostsFile": ["/a /b", '"/a b"'],
    "SendEnv": ["LANG LC_*"],
}
proxies = {"ProxyJump": ["none", "gate", "me@gate:2222,second"], "ProxyCommand": ['nc "%h" %p', "none"]}
line = st.one_of(
    *(
        st.tuples(st.sampled_from([name, name.upper()]), blanks, st.sampled_from(known), ends)
        for name, known in values.items()
    ),
    # Without comments, which older versions of OpenSSH take for a part of these.
    *(st.tuples(st.just(name), blanks, st.sampled_from(known)) for name, known in proxies.items()),
    st.tuples(st.just("Host"), blanks, st.lists(names, min_size=1, max_size=3).map(" ".join), ends),
    st.tuples(st.just("Match"), st.just(" "), st.lists(conditions, min_size=1, max_size=2).map(" ".join), ends),
    st.just(("Match all",)),
    st.just(("# Host none",)),
    st.just(("Include {included}",)),
).map("".join)
files = st.lists(st.tuples(st.sampled_from(["", "  ", "\t"]), line).map("".join), max_size=8).map("\n".join)


@example("Match host 192.168.*\n  User bench\nMatch final\n  Port 2222", "", "nano")
@example("HostName %h.lab\nMatch final host *.lab\nUser bench\nHost nano.lab\nPort 7", "", "nano")
@example("Host orin\nInclude {included}\nUser a", "User b\nHost nano\nUser c\nMatch final\nPort 9", "nano")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files, files, st.sampled_from(["nano", "orin", "NANO", "192.168.1.20"]))
def test_it_is_read_as_ssh_reads_it(tmp_path: Path, text: str, included: str, host: str) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("no OpenSSH client to compare with")
    (tmp_path / "included").write_text(included.replace("Include {included}", ""))
    path = tmp_path / "config"
    path.write_text(text.replace("{included}", str(tmp_path / "included")))
    expected = of_ssh(path, host)
    if expected is None:  # such as a ProxyJump through the host itself, found elsewhere
        return
    said = as_ssh_says(lookup(path, host))
    for name in (*COMPARED, *MORE):
        if name in said and said[name] != ["none"]:
            written = [value.replace("~/", f"{Path.home()}/") for value in said[name]] if name in MORE else said[name]
            assert expected.get(name) == written, name
        elif name == "proxyjump":
            assert name not in expected


def test_included_files_are_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d" / "10").write_text("Host nano\nUser first\n")
    (tmp_path / "config.d" / "20").write_text("User second\nHostName 10.0.0.1\n")
    options = of_text(tmp_path, "Include config.d/* missing\nHost nano\nPort 7\n")
    assert (options.user, options.host, options.port) == ("first", "10.0.0.1", 7)


def test_a_home_with_the_letters_of_a_pattern(tmp_path: Path) -> None:
    home = tmp_path / "a[b]*"
    (home / "more").mkdir(parents=True)
    (home / "more" / "nano").write_text("Port 7\n")
    assert of_text(home, "Include more/*\n").port == of_text(home, "Include ~/more/n?no\n").port == 7
    assert of_text(home, "Include %d/more/nano\n").port == 22


def test_a_mark_of_utf_8_is_no_part_of_the_first_word(tmp_path: Path) -> None:
    assert of_text(tmp_path, b"\xef\xbb\xbfHost orin\n  Port 7\n").port == 22


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="included more than 16 files deep"):
        of_text(tmp_path, "Include config\n")


@pytest.mark.parametrize(
    ("networks", "is_there"),
    [("10.9.0.0/16", False), ("192.168.1.0/24", True), ("10.0.0.0/8,192.168.0.0/16", True), ("!192.168.1.7", False)],
)
def test_match_localnetwork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: str, is_there: bool) -> None:
    monkeypatch.setattr(match, "local_addresses", lambda: [ipaddress.ip_address("192.168.1.7")])
    options = of_text(tmp_path, f"Match localnetwork {networks}\n  ProxyJump gate\n")
    assert (options.get("proxyjump") == "gate") is is_there


def test_this_machine_has_its_loopback_address() -> None:
    assert ipaddress.ip_address("127.0.0.1") in match.local_addresses()


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("tagged fast", True), ("tagged slow", False), ("sessiontype exec", True), ("version *", False)],
)
def test_conditions_of_newer_versions(tmp_path: Path, condition: str, holds: bool) -> None:
    assert (of_text(tmp_path, f"Tag fast\nMatch {condition}\n  Port 7\n").port == 7) is holds


def test_the_command_line_goes_before(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Match user bench\n  Port 7\n  IdentityFile /of-%r-%p\nMatch all\n  User other\n")
    options = lookup(tmp_path / "config", user="bench", port=9)
    assert (options.user, options.port) == ("bench", 9)
    assert options.path(options.lists["identityfile"][0]) == Path("/of-bench-9")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Match flavour sweet", "config line 1: unknown Match condition 'flavour'; fix the SSH configuration"),
        ("\nMatch host", "line 2: the Match condition host has no value"),
        ("Match", "Match has no value"),
        ("Match host a all", "Match all cannot be combined"),
        ("Match localnetwork here", "localnetwork has a value that is not a network"),
        ('HostName "nano', "a quote is not closed"),
        ("User #me", "user has no value"),
        ("Port 70000", "the port '70000'; ports are 1 to 65535"),
        ("Port twenty", "the port 'twenty'"),
    ],
)
def test_what_ssh_refuses_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(TransportError) as caught:
        of_text(tmp_path, text).port  # noqa: B018
    assert sentence in str(caught.value)


def test_a_match_command_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "EXEC_LIMIT_S", 0.1)
    with pytest.raises(TransportError, match=r"`sleep 60` did not end within 0\.1 s"):
        of_text(tmp_path, 'Match exec "sleep 60"\n')


def test_a_match_command_is_run_only_where_it_counts(tmp_path: Path) -> None:
    of_text(tmp_path, f'Match host orin exec "touch {tmp_path}/ran"\nHost orin\nInclude {tmp_path}/more\n')
    assert not (tmp_path / "ran").exists()
    of_text(tmp_path, f'Match host nano exec "touch {tmp_path}/ran"\n')
    assert (tmp_path / "ran").exists()


def test_tokens_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", "/keys")
    options = of_text(tmp_path, "HostName %h.lab\nUser bench\nPort 7\n")
    assert options.path("${KEYS}/%h-%n-%p-%r-%%") == Path("/keys/nano.lab-nano-7-bench-%")
    assert options.path("~/x") == options.path("%d/x") == tmp_path / "x"
    assert len(options.expand("%C")) == 40
    for text, sentence in [("${NO_SUCH_X}/a", "variable NO_SUCH_X, which is not set"), ("%Q", "unknown token %Q")]:
        with pytest.raises(TransportError, match=sentence):
            options.path(text)


def test_a_zone_needs_no_second_percent_sign(tmp_path: Path) -> None:
    assert of_text(tmp_path, "HostName fe80::1%eth0\n").host == "fe80::1%eth0"
    assert of_text(tmp_path, "HostName fe80::1%%eth0\n").host == "fe80::1%eth0"


def test_a_short_name_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def known(host: str, _: object) -> list[object]:
        if host != "nano.lab":
            raise OSError("not known")
        return []

    monkeypatch.setattr("socket.getaddrinfo", known)
    text = "CanonicalizeHostname yes\nCanonicalDomains home lab\nMatch canonical host *.lab\n  User bench\n"
    options = of_text(tmp_path, text)
    assert (options.host, options.user) == ("nano.lab", "bench")
    assert of_text(tmp_path, text, "nano.else.where").host == "nano.else.where"
    with pytest.raises(TransportError, match="orin is in none of"):
        of_text(tmp_path, text + "Match all\nCanonicalizeFallbackLocal no\n", "orin")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=30), line.map(str.encode)), max_size=6).map(b"\n".join))
def test_no_bytes_break_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(match, "_succeeds", lambda command, line: False)
    try:
        options = of_text(tmp_path, data.replace(b"{included}", b"more"))
        assert options.host
        assert 0 < options.port < 65536
    except TransportError as error:
        str(error).encode()


def test_a_configuration_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to("config")
    with pytest.raises(TransportError, match=r"config cannot be read \(Too many levels of symbolic links\)"):
        lookup(tmp_path / "config")


def test_a_folder_among_included_files_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.d" / "old").mkdir(parents=True)
    (tmp_path / "config.d" / "nano").write_text("Port 7\n")
    assert of_text(tmp_path, "Include config.d/*\n").port == 7
