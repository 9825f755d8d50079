"""Fetching: mirrors, resuming, retries, checksums, archives that misbehave, and what the user is told."""

from __future__ import annotations

import errno
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import tarfile
import threading
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from dotbench.cards.dataset import DatasetCard
from dotbench.contract.layout import Layout
from dotbench.data import delivery
from dotbench.data.download import USER_AGENT, Web
from dotbench.data.fetch import fetch
from dotbench.data.files import is_inside, read_table
from dotbench.data.raw import own_files
from dotbench.errors import UserError

CONTENT = {"a/one.bin": bytes(range(256)) * 40, "a/two.bin": b"two" * 1000, "three.txt": b"3"}


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT under every first folder, whose name says how it misbehaves."""

    protocol_version = "HTTP/1.1"

    def __init__(self, seen: list, extra: dict[str, bytes], *args):
        self.seen, self.extra = seen, extra
        super().__init__(*args)

    def do_GET(self):
        way, _, path = self.path.strip("/").partition("/")
        asked = self.headers.get("Range")
        times = Counter(entry[0] for entry in self.seen)[self.path]
        self.seen.append((self.path, asked, self.headers["User-Agent"]))
        body = self.extra.get(path) or CONTENT.get(path.removeprefix("set/"))
        if body is None or way == "gone":
            return self._send(404, b"not here")
        if way == "busy" and times < 2:
            return self._send(503, b"later")
        if way == "corrupt":
            return self._send(200, body[::-1] + b"?")
        if way == "short" and times == 0:
            return self._send(200, body[: len(body) // 2], announced=len(body))
        if asked and way != "noresume":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            return self._send(206, body[start:], span=f"bytes {start}-{len(body) - 1}/{len(body)}")
        return self._send(200, body)

    def _send(self, status: int, body: bytes, announced: int | None = None, span: str | None = None):
        self.send_response(status)
        self.send_header("Content-Length", str(announced or len(body)))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = announced is not None

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    seen: list = []
    extra: dict[str, bytes] = {}
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, seen, extra))
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    running.seen, running.extra = seen, extra
    running.url = f"http://127.0.0.1:{running.server_port}"
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "results", tmp_path / "resources")


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "set.files.tsv"
    lines = [f"{path}\t{hashlib.sha256(body).hexdigest()}\t{len(body)}\n" for path, body in CONTENT.items()]
    file.write_text("path\tsha256\tbytes\n" + "".join(lines))
    return file


@pytest.fixture
def web():
    return Web(attempts=3, pause=0.001, timeout=5)


def card(**source) -> DatasetCard:
    return DatasetCard(
        id="set",
        name="S",
        citation="c",
        licence="l",
        ndim=2,
        cell_radius=3,
        match={"radius": 3},
        reader="points",
        source=source,
    )


def files(url: str) -> DatasetCard:
    return card(kind="files", url=url + "/set/{path}", mirror_folder="set")


def archive(url: str, strip: int = 1) -> DatasetCard:
    return card(kind="archive", url=url, strip=strip, mirror_folder="set")


def put(folder: Path, content: dict[str, bytes] = CONTENT) -> Path:
    for path, body in content.items():
        (folder / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "set" / path).write_bytes(body)
    return folder


def here(layout: Layout) -> dict[str, bytes]:
    folder = layout.raw("set")
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    found.pop("fetched.json", None)
    return found


def test_public_files_arrive_checked_and_are_recorded(server, layout, table, web):
    record = fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    assert here(layout) == CONTENT
    content = json.loads(record.read_text())
    assert content["files"]["three.txt"] == hashlib.sha256(b"3").hexdigest()
    assert sum(content["sources"].values()) == 3
    assert {agent for _, _, agent in server.seen} == {USER_AGENT}
    assert USER_AGENT.startswith("dotbench/")
    asked = len(server.seen)
    assert (
        json.loads(fetch(files(f"{server.url}/good"), layout, table=table, web=web).read_text())["digest"]
        == content["digest"]
    )
    assert len(server.seen) == asked, "what lies there is not fetched again"


def test_folder_mirror_comes_first_and_the_public_source_fills_gaps(server, layout, table, web, tmp_path):
    lab = put(tmp_path / "lab")
    (lab / "set" / "three.txt").unlink()
    (lab / "set" / "a" / "two.bin").write_bytes(b"other")
    record = fetch(files(f"{server.url}/good"), layout, [tmp_path / "absent", lab], table=table, web=web)
    assert here(layout) == CONTENT
    assert json.loads(record.read_text())["sources"][str(lab)] == 1
    assert sorted(path for path, *_ in server.seen) == ["/good/set/a/two.bin", "/good/set/three.txt"]


def test_address_as_mirror(server, layout, table, web):
    fetch(files("http://127.0.0.1:1"), layout, [f"{server.url}/good/"], table=table, web=web)
    assert here(layout) == CONTENT


@pytest.mark.parametrize("way", ["busy", "short", "noresume"])
def test_trouble_that_passes_is_sat_out(server, layout, table, web, way):
    fetch(files(f"{server.url}/{way}"), layout, table=table, web=web)
    assert here(layout) == CONTENT


@pytest.mark.parametrize("way", ["good", "noresume"])
def test_broken_off_download_goes_on_where_it_stopped(server, layout, table, web, way):
    part = layout.raw("set") / "a" / "one.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT["a/one.bin"][:1000])
    fetch(files(f"{server.url}/{way}"), layout, table=table, web=web)
    assert here(layout) == CONTENT
    assert (f"/{way}/set/a/one.bin", "bytes=1000-") in [entry[:2] for entry in server.seen]


def test_wrong_content_is_refused_and_the_rest_kept(server, layout, table, web):
    server.extra["set/three.txt"] = b"4"
    with pytest.raises(UserError) as problem:
        fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    text = str(problem.value)
    assert "1 of 3 files of set" in text
    assert hashlib.sha256(b"4").hexdigest() in text
    assert hashlib.sha256(b"3").hexdigest() in text
    assert "mirrors:" in problem.value.next
    assert here(layout).keys() == {"a/one.bin", "a/two.bin"}
    assert not (layout.raw("set") / "fetched.json").exists()
    del server.extra["set/three.txt"]
    fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    assert here(layout) == CONTENT


def test_a_file_changed_on_disk_is_fetched_anew(server, layout, table, web):
    fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    (layout.raw("set") / "three.txt").write_bytes(b"x")
    fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    assert here(layout) == CONTENT


@pytest.mark.parametrize(
    ("way", "says", "advice"),
    [("gone", "answered 404", "mirrors:"), ("corrupt", "expected", "run the same command again")],
)
def test_what_a_broken_source_says(server, layout, table, web, way, says, advice):
    with pytest.raises(UserError, match=says) as problem:
        fetch(files(f"{server.url}/{way}"), layout, table=table, web=web)
    assert advice in problem.value.next
    assert here(layout) == {}


def test_no_internet_is_said_at_once_and_once(layout, table, web):
    with pytest.raises(UserError, match="cannot be reached") as problem:
        fetch(files("http://127.0.0.1:1"), layout, table=table, web=web, jobs=1)
    assert "where there is internet" in problem.value.next
    assert web.unreachable == {"127.0.0.1:1"}


def test_full_disk_before_and_during(server, layout, table, web, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(delivery.shutil, "disk_usage", lambda path: usage._replace(free=10))
        with pytest.raises(UserError, match="too full"):
            fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    assert not server.seen

    def full(source, part):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part))

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_copy", full)
        with pytest.raises(UserError, match="disk is full") as problem:
            fetch(files(f"{server.url}/good"), layout, [put(tmp_path)], table=table, web=web)
    assert "run the same command again" in problem.value.next
    fetch(files(f"{server.url}/good"), layout, table=table, web=web)
    assert here(layout) == CONTENT


def tar_of(content: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            file.addfile(link)
        for name, body in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            file.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def zip_of(content: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, body in content.items():
            file.writestr(name, body)
    return packed.getvalue()


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_archive_gives_the_wanted_files_only(server, layout, table, web, pack):
    inner = {f"repo-123/{path}": body for path, body in CONTENT.items()}
    server.extra["all"] = pack({"repo-123/unwanted.txt": b"no", **inner})
    fetch(archive(f"{server.url}/good/all"), layout, table=table, web=web)
    assert here(layout) == CONTENT
    assert len(server.seen) == 1


def test_archive_cannot_write_elsewhere(server, layout, table, web, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    evil = {"repo/../../../victim": b"3", "/victim": b"3", f"repo{victim}": b"3", "repo/../three.txt": b"3"}
    good = {f"repo/{path}": body for path, body in CONTENT.items() if path != "three.txt"}
    server.extra["all"] = tar_of({**evil, **good}, links={"repo/three.txt": str(victim)})
    before = {path for path in tmp_path.rglob("*") if "resources" not in path.parts}
    with pytest.raises(UserError, match="not in the archive"):
        fetch(archive(f"{server.url}/good/all"), layout, table=table, web=web)
    assert here(layout).keys() == {"a/one.bin", "a/two.bin"}
    assert victim.read_bytes() == b"mine"
    assert {path for path in tmp_path.rglob("*") if "resources" not in path.parts} == before


@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_damaged_archive_is_fetched_anew_next_time(server, layout, table, web, damage):
    whole = tar_of({f"repo/{path}": body for path, body in CONTENT.items()})
    server.extra["all"] = whole[: len(whole) // 2] if damage == "cut" else b"\x00noise" * 100
    with pytest.raises(UserError, match=r"damaged|not in the archive"):
        fetch(archive(f"{server.url}/good/all"), layout, table=table, web=web)
    server.extra["all"] = whole
    fetch(archive(f"{server.url}/good/all"), layout, table=table, web=web)
    assert here(layout) == CONTENT


def test_interrupted_archive_is_resumed(server, layout, table, web):
    whole = tar_of({f"repo/{path}": body for path, body in CONTENT.items()})
    server.extra["all"] = whole
    layout.raw("set").mkdir(parents=True)
    (layout.raw("set") / ".archive.part").write_bytes(whole[:100])
    fetch(archive(f"{server.url}/good/all"), layout, table=table, web=web)
    assert here(layout) == CONTENT
    assert server.seen[0][1] == "bytes=100-"


def test_manual_files_are_asked_for_and_then_recorded(layout):
    by_hand = card(kind="manual", instructions="get them from the attic", expected=["images/*.png", "dots/*"])
    with pytest.raises(UserError, match=r"images/\*.png, dots/\*") as problem:
        fetch(by_hand, layout)
    assert problem.value.next == "get them from the attic"
    for name in ("images/a.png", "dots/a.csv"):
        (layout.raw("set") / name).parent.mkdir(parents=True, exist_ok=True)
        (layout.raw("set") / name).write_bytes(b"x")
    assert json.loads(fetch(by_hand, layout).read_text())["files"].keys() == {"images/a.png", "dots/a.csv"}
    (layout.raw("set") / "dots" / "a.csv").write_bytes(b"")
    with pytest.raises(UserError, match=r"empty: dots/a.csv"):
        fetch(by_hand, layout)


def test_own_folder_is_left_where_it_is(layout, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.png").write_bytes(b"x")
    own = card(kind="folder", path=str(tmp_path / "mine"))
    assert json.loads(fetch(own, layout).read_text())["files"].keys() == {"a.png"}
    assert here(layout) == {}
    assert own_files(own, layout) == {"a.png": tmp_path / "mine" / "a.png"}
    with pytest.raises(UserError, match="no folder"):
        fetch(card(kind="folder", path=str(tmp_path / "absent")), layout)


def test_simulated_needs_nothing(layout):
    assert json.loads(fetch(card(kind="simulated"), layout).read_text())["files"] == {}


@pytest.mark.parametrize(
    "line",
    ["../x\t" + "0" * 64 + "\t1", "/x\t" + "0" * 64 + "\t1", "x\tabc\t1", "x\t" + "0" * 64 + "\tmany", "x"],
)
def test_a_bad_table_is_named_by_line(table, line):
    table.write_text(table.read_text() + line + "\n")
    with pytest.raises(UserError) as problem:
        read_table(table)
    assert problem.value.where == f"{table}:5"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "a/../../b", "..", "C:/x", "a\\..\\b"])
def test_paths_that_lead_outside(path):
    assert not is_inside(path)
