"""Where secrets are read: systemd credentials, files of mode 0600, the environment. Never the configuration itself.

Called by `bidder.wiring` and the commands when an adapter is built; `config check` calls `problem` to say what is
missing without keeping a value.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bidder.errors import ConfigError
from bidder.secrets import Secret

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAX_BYTES = 65_536
_TELLING_NAME = re.compile(r"secret|token|passw|credential|api_?key|private|auth", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPlaces:
    """The places this process may read secrets from.

    Attributes:
        folder: Folder that relative files start at: the configuration's.
        environment: The environment variables.
    """

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def of_process(cls, folder: Path) -> SecretPlaces:
        """Return the places of the running process."""
        return cls(folder=folder, environment=os.environ)

    def read(self, references: Sequence[str], *, key: str, source: str) -> Secret:
        """Return the first secret found.

        Args:
            references: ``credential:NAME``, ``file:/path`` or ``env:NAME``, in order of preference.
            key: Dotted key of the setting, for the message.
            source: The configuration file, for the message.

        Raises:
            ConfigError: None of the places holds it; the message says what is wrong with each, and no value.
        """
        problems = []
        for reference in references:
            found = self._look(reference)
            if isinstance(found, Secret):
                return found
            problems.append(f"{reference}: {found}")
        raise ConfigError(f"the secret is missing: {'; '.join(problems)}", source=source, key=key)

    def _look(self, reference: str) -> Secret | str:
        """Return the secret, or why there is none."""
        kind, _, name = reference.partition(":")
        match kind:
            case "credential":
                folder = self.environment.get("CREDENTIALS_DIRECTORY")
                if not folder:
                    return "systemd passed no credentials (LoadCredential= in the unit)"
                return _from_file(Path(folder) / name, private=False)
            case "file":
                return _from_file(self.folder / Path(name).expanduser(), private=True)
            case _:
                value = self.environment.get(name, "")
                return Secret(value) if value.strip() else "the environment variable is not set"


def telling(name: str) -> bool:
    """Tell whether a setting's name sounds like a secret, so that its value is never shown."""
    return _TELLING_NAME.search(name) is not None


def inherited(references: Sequence[str]) -> bool:
    """Tell whether a secret may come from the environment, which every child process inherits."""
    return any(reference.startswith("env:") for reference in references)


def _from_file(path: Path, *, private: bool) -> Secret | str:
    """Read a secret from a file, or say why not; a file of ours must be readable by us alone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        return "is a link; name the file itself" if path.is_symlink() else f"cannot be opened ({exc.strerror})"
    try:
        problem = _unfit(os.fstat(handle), path, private=private)
        raw = b"" if problem else os.read(handle, _MAX_BYTES)
    finally:
        os.close(handle)
    if problem:
        return problem
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    return Secret(text) if text.strip() else "is empty"


def _unfit(status: os.stat_result, path: Path, *, private: bool) -> str:
    """Say why a file must not be used for a secret, or nothing."""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_size > _MAX_BYTES:
        return "is too large to be a secret"
    if private and status.st_uid != os.geteuid():
        return "belongs to another user; it must be ours alone"
    if private and status.st_mode & _OTHERS:
        return f"can be read by others (mode {stat.S_IMODE(status.st_mode):04o}); run: chmod 600 {path}"
    return ""
