"""A pytest plugin for CI (`-p tests.no_skips`): a test that is skipped or expected to fail counts as failed."""

from collections.abc import Generator

import pytest

REPROACH = "A test that does not run keeps no promise"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip or an expected failure into a failure."""
    report = yield
    if report.skipped:
        reason = getattr(report, "wasxfail", None) or report.longreprtext
        vars(report).pop("wasxfail", None)
        report.outcome = "failed"
        report.longrepr = f"{REPROACH}: {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turns a module that skips itself into a failure."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{REPROACH}: {report.longreprtext}"
    return report
