"""Redis in each of its arrangements, shared by the tests that leave it as it was."""

from collections.abc import AsyncIterator

import pytest

from tests.redis_servers import Cluster, Standalone, Watched, cluster, sentinel, standalone


@pytest.fixture(scope="package")
async def alone() -> AsyncIterator[Standalone]:
    async with standalone() as servers:
        yield servers


@pytest.fixture(scope="package")
async def watched() -> AsyncIterator[Watched]:
    async with sentinel() as servers:
        yield servers


@pytest.fixture(scope="package")
async def clustered() -> AsyncIterator[Cluster]:
    async with cluster() as servers:
        yield servers
