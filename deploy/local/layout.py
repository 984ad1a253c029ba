"""Where the local stack keeps what it writes."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Layout:
    """The folders under one root (`.local` by default); `root` is absolute."""

    root: Path

    @property
    def secrets(self) -> Path:
        """Passwords and keys."""
        return self.root / "secrets"

    @property
    def tls(self) -> Path:
        """Certificates and their keys."""
        return self.root / "tls"

    @property
    def config(self) -> Path:
        """The servers' settings files."""
        return self.root / "config"

    @property
    def data(self) -> Path:
        """Databases, and what is remembered of the demo data."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """What the servers wrote at this start."""
        return self.root / "logs"

    @property
    def mail(self) -> Path:
        """What would have been sent by mail, a file per message; the mail sink makes it."""
        return self.root / "mail"

    @property
    def run(self) -> Path:
        """Of the running stack only."""
        return self.root / "run"

    @property
    def lock_file(self) -> Path:
        """Held while the stack runs."""
        return self.run / "lock"

    @property
    def processes_file(self) -> Path:
        """The processes that run."""
        return self.run / "processes.json"

    @property
    def demo_file(self) -> Path:
        """For scripts; it is there exactly while the stack is ready."""
        return self.root / "demo.json"

    @property
    def qf_config_file(self) -> Path:
        """`qf`'s settings."""
        return self.root / "qf.toml"

    @property
    def demo_passwords_file(self) -> Path:
        """By login, the passwords that the examples chose for demo users (art. 4-3)."""
        return self.root / "demo-passwords.json"

    def log(self, name: str) -> Path:
        """The log of one component."""
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> Path:
        """One password or key."""
        return self.secrets / name

    def make(self) -> None:
        """Makes the folders that are missing. Raises OSError."""
        for folder in (self.root, self.config, self.data, self.logs, self.run, self.tls):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        self.secrets.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
