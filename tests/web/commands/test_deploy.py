from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from faults.recorded import strace
from heji_web.commands.tree import heji
from heji_web.service.service import Service
from heji_web.service.settings import read_settings
from served import PRODUCT, Served

UNITS = ("heji.service", "heji-check.service", "heji-check.timer")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "deploy"
    done = CliRunner().invoke(heji, ["deploy", str(folder), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert set(json.loads(done.stdout)["files"]) == {*UNITS, "heji.env", "Containerfile"}
    return folder


def lines_of(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def settings_in(path: Path, *, commented: bool) -> dict[str, str]:
    found = re.findall(
        rf"^{'#?' if commented else ''}(HEJI_\w+)=(\S+)$", path.read_text("utf-8"), re.MULTILINE
    )
    return dict(found)


def test_what_somebody_filled_in_is_not_written_over(written: Path) -> None:
    (written / "heji.env").write_text("HEJI_PORT=9000\n")
    done = CliRunner().invoke(heji, ["deploy", str(written)], catch_exceptions=False)
    assert done.exit_code == 1
    assert (written / "heji.env").read_text() == "HEJI_PORT=9000\n"


def test_the_settings_to_fill_in_are_settings_that_the_service_takes(written: Path, tmp_path: Path) -> None:
    offered = settings_in(written / "heji.env", commented=True)
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://heji@db/heji")
    secret.chmod(0o600)
    settings = read_settings({**offered, "HEJI_DATABASE_URL_FILE": str(secret)})
    assert settings.is_https
    assert settings.head != settings.data
    read_settings(settings_in(written / "heji.env", commented=False))


def test_the_service_is_hardened_and_may_write_where_its_settings_say(written: Path) -> None:
    unit = lines_of(written / "heji.service")
    for line in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
        "StateDirectory=heji",
        "UMask=0077",
        "User=heji",
    ):
        assert line in unit
    writable = next(line for line in unit if line.startswith("ReadWritePaths="))
    settings = settings_in(written / "heji.env", commented=True)
    assert settings["HEJI_DATA"] == "/var/lib/heji"
    assert settings["HEJI_HEAD"] in writable
    copies = Path(settings["HEJI_BACKUP_COPY"])
    assert any(f"-{above}" in writable.partition("=")[2].split() for above in copies.parents)


def test_the_container_runs_as_nobody_in_particular_and_says_whether_it_is_well(written: Path) -> None:
    text = (written / "Containerfile").read_text("utf-8")
    user = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert user == ["10001"]
    assert "HEALTHCHECK" in text
    environment = dict(re.findall(r"(HEJI_\w+)=(\S+?)(?: \\)?$", text, re.MULTILINE))
    settings = read_settings(environment)
    assert (settings.host, str(settings.data)) == ("0.0.0.0", "/var/lib/heji")
    volumes = json.loads(re.findall(r"^VOLUME (.*)$", text, re.MULTILINE)[0])
    assert [str(settings.data), str(settings.head)] == volumes


def test_the_container_s_health_check_finds_a_service_well_and_its_absence_ill(
    written: Path, service: Service
) -> None:
    """The very words of the file, asked of a service that runs and of none."""
    text = (written / "Containerfile").read_text("utf-8")
    command = json.loads(re.findall(r"CMD (\[\"python\".*\])$", text, re.MULTILINE)[0])
    assert command[:2] == ["python", "-c"]
    service.close()
    served = Served(service.settings.data)
    code = command[2].replace(":8080", f":{served.port}")
    try:
        served.start()
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
        served.stop()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert done.returncode == 1
    finally:
        served.close()


# What these groups of system calls held in systemd 252; those of other machines than ours strace passes over.
GROUPS = {
    "@privileged": (
        "chown fchown fchownat lchown adjtimex clock_adjtime clock_settime settimeofday delete_module finit_module "
        "init_module ioperm iopl kexec_file_load kexec_load reboot swapoff swapon _sysctl acct bpf capset chroot "
        "fanotify_init fanotify_mark nfsservctl open_by_handle_at pivot_root quotactl quotactl_fd setdomainname "
        "setfsuid setgroups sethostname setresuid setreuid setuid vhangup"
    ),
    "@resources": (
        "ioprio_set mbind migrate_pages move_pages nice sched_setaffinity sched_setattr sched_setparam "
        "sched_setscheduler set_mempolicy set_mempolicy_home_node setpriority setrlimit"
    ),
}


def forbidden_calls(unit: Path) -> set[str]:
    """The system calls that the unit takes away from what services usually have."""
    taken: set[str] = set()
    for line in lines_of(unit):
        name, _, value = line.partition("=")
        if name == "SystemCallFilter" and value.startswith("~"):
            taken |= {call for group in value[1:].split() for call in GROUPS[group].split()}
        elif name == "SystemCallFilter":
            taken -= set(value.split())
    return taken


@pytest.mark.parametrize("even", [(), ("sched_setscheduler",)], ids=["its unit", "a stricter sandbox"])
def test_the_service_works_without_the_system_calls_that_its_unit_forbids(
    written: Path, service: Service, even: tuple[str, ...]
) -> None:
    calls = sorted({*forbidden_calls(written / "heji.service"), *even})
    assert len(calls) > 40
    named = ",".join(f"?{call}" for call in calls)
    refused = service.settings.data / "refused.txt"
    tracing = [strace(), "-D", "-f", "-qq", "-o", str(refused), "-e", f"inject={named}:error=EPERM"]
    command = [*tracing, sys.executable, *PRODUCT]
    service.close()
    served = Served(service.settings.data, ("-c", f"import os; os.execv({command[0]!r}, {command!r})"))
    try:
        served.start()
        served.stop()
    finally:
        served.close()
    tried = {
        line.split("(")[0].split()[-1] for line in refused.read_text().splitlines() if "INJECTED" in line
    }
    # Of the two runs the first shows that nothing is even tried, the second that what is forbidden was refused. SQLite
    # hands its files to their owner where root starts it, which the unit does not.
    assert tried - {"fchown"} == set(even)


@pytest.fixture
def analyze(written: Path, tmp_path: Path) -> Path:
    """The units with commands that exist here, as systemd wants to see them."""
    for name in UNITS:
        unit = tmp_path / name
        unit.write_text((written / name).read_text("utf-8").replace("/opt/heji/bin/heji", "/bin/true"))
    return tmp_path


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_no_fault_with_the_units(analyze: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", str(analyze / name)], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "heji" in line]
    assert (done.returncode, about_ours) == (0, [])
