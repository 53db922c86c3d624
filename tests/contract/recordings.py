"""Replies that a real Proxmox VE gave, as they were written down."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Recording:
    """`path` is under /api2/json without its query, which is part of `params`."""

    name: str
    about: str
    method: str
    path: str
    params: dict[str, str]
    caller: str | None
    status: int
    reason: str
    content_type: str | None
    body: Any
    task: dict[str, Any] | None
    task_log: list[str]

    @property
    def data(self) -> Any:
        return self.body.get("data") if isinstance(self.body, dict) else None


def load(folder: Path) -> list[Recording]:
    recordings = []
    for file in sorted((folder / "pve-replies").glob("*.json")):
        for number, record in enumerate(json.loads(file.read_text())):
            address = urlsplit(record["path"])
            params = dict(parse_qsl(address.query)) | {
                name: str(value) for name, value in record["params"].items()
            }
            recordings.append(
                Recording(
                    name=f"{file.stem}-{number}",
                    about=record["about"],
                    method=record["method"],
                    path=address.path,
                    params=params,
                    caller=record["caller"],
                    status=record["status"],
                    reason=record["reason"],
                    content_type=record["content_type"],
                    body=record["body"],
                    task=(record.get("task") or {}).get("status"),
                    task_log=record.get("task_log") or [],
                )
            )
    return recordings
