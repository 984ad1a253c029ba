from deploy.local.lock import is_held
from tests.stack import Stack


async def test_killed_part_comes_back(stack: Stack) -> None:
    killed = stack.process("valkey")
    stack.kill("valkey")
    await stack.wait_until_ready("valkey")
    assert stack.process("valkey") != killed


def test_stack_holds_its_lock(stack: Stack) -> None:
    assert is_held(stack.layout.lock_file)
