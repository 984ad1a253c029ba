"""Art. 7-1: sslyze finds nothing at Mozilla's level "intermediate" but what a development CA is."""

import asyncio
from datetime import timedelta

from deploy.local.certificates import CERTIFICATE_LIFETIME
from services.kit.clock import SystemClock
from tests.integration.edge.running import Edge
from tests.integration.edge.test_certificates import NAMES, is_served, move_there
from tools.tls_scan import scan

# Each with its reason.
OF_THE_DEVELOPMENT_CA = {
    # No trust store that sslyze knows holds it; every partner of a development stack is given its file.
    "certificate_path_validation",
}


async def test_sslyze_finds_nothing_but_the_development_ca(renewed_edge: Edge) -> None:
    # As long as those of `make up`, not for the thousand years of a test.
    begin = SystemClock().now() - timedelta(days=1)
    certificate = renewed_edge.ca.issue_cert(*NAMES, not_before=begin, not_after=begin + CERTIFICATE_LIFETIME)
    move_there(
        renewed_edge.ca_file.parent,
        certificate.cert_chain_pems[0].bytes(),
        certificate.private_key_pem.bytes(),
    )
    assert await is_served(renewed_edge, certificate)
    findings = await asyncio.to_thread(scan, f"127.0.0.1:{renewed_edge.port}")
    assert findings.keys() == OF_THE_DEVELOPMENT_CA, findings
