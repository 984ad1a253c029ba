"""Scans the TLS of a running edge with sslyze: `python -m tools.tls_scan 127.0.0.1:8443`.

sslyze lives in an environment of its own, .tools/scan: it holds cryptography back. Whatever it finds at Mozilla's level
"intermediate" is a finding, and so is a question that it could not put.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.paths import PROJECT, TOOLS_FOLDER, ToolMissing, uv

_ENVIRONMENT = TOOLS_FOLDER / "scan"
_FINDING = re.compile(r"^ +\* (?P<criterion>\w+): (?P<text>.+)$", re.MULTILINE)
_VERDICT = "COMPLIANCE AGAINST"
_TIMEOUT_SECONDS = 100


class ScanFailed(Exception):
    """There is no verdict; the text says why."""


def prepare() -> Path:
    """The Python that has sslyze; installs it where it is not there yet. Raises ToolMissing."""
    python = _ENVIRONMENT / "bin" / "python"
    if not python.exists() or not _has_sslyze(python):
        print("tls_scan: installing sslyze into .tools/scan", flush=True)
        subprocess.run(
            (uv(), "sync", "--frozen", "--quiet", "--only-group", "scan", "--python", sys.executable),
            cwd=PROJECT,
            env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(_ENVIRONMENT)},
            check=True,
        )
    return python


def scan(address: str) -> Mapping[str, str]:
    """What sslyze finds at `host:port`: the criterion that is not met, and what it says of it.

    Raises:
        ScanFailed: it could not reach the server, or gave no verdict.
        ToolMissing: it cannot be installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = (
            str(prepare()),
            "-m",
            "sslyze",
            "--mozilla_config=intermediate",
            f"--json_out={report}",
            address,
        )
        finished = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
        )
        _, verdict, judged = finished.stdout.partition(_VERDICT)
        if not verdict or not report.exists():
            raise ScanFailed(f"sslyze gave no verdict: {(finished.stdout + finished.stderr).strip()[-500:]}")
        findings = {match["criterion"]: match["text"] for match in _FINDING.finditer(judged)}
        if finished.returncode != 0 and not findings:
            raise ScanFailed(f"sslyze found something that cannot be read here: {judged.strip()}")
        return findings | dict(_unanswered(json.loads(report.read_text(encoding="utf-8"))))


def main() -> None:
    """The command line: one line per finding; status 1 where there are any."""
    parser = argparse.ArgumentParser(prog="tls_scan", description=__doc__)
    parser.add_argument("address", help="host:port of a running edge")
    try:
        findings = scan(parser.parse_args().address)
    except (ScanFailed, ToolMissing) as error:
        sys.exit(f"tls_scan: {error}")
    for criterion, text in findings.items():
        print(f"{criterion}: {text}")
    sys.exit(1 if findings else 0)


def _has_sslyze(python: Path) -> bool:
    return (
        subprocess.run((str(python), "-c", "import sslyze"), check=False, capture_output=True).returncode == 0
    )


def _unanswered(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Scans that were asked for and did not end: of them the verdict knows nothing."""
    for server in report["server_scan_results"]:
        for name, attempt in (server["scan_result"] or {}).items():
            if attempt["status"] not in {"COMPLETED", "NOT_SCHEDULED"}:
                yield name, f"the scan ended as {attempt['status']}"


if __name__ == "__main__":
    main()
