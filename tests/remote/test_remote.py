"""Against a local S3 server (moto), a web server on the loopback, and zip archives; nothing outside is asked."""

import base64
import contextlib
import gc
import gzip
import http.server
import io
import os
import re
import socket
import subprocess
import sys
import tarfile
import threading
import urllib.request
import zipfile

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from genrekit.errors import GenrekitError, MediaError, UsageError
from genrekit.remote import archives, stores
from genrekit.remote.transfer import exists, expand_remote, fetched, is_remote, open_output, redact
from genrekit.types import Modality

fsspec = pytest.importorskip("fsspec")
memory = pytest.importorskip("fsspec.implementations.memory")

pytestmark = pytest.mark.filterwarnings(
    "ignore:datetime.datetime.utcnow:DeprecationWarning:botocore", "ignore:.*:DeprecationWarning:moto"
)

KEY, SECRET = "AKIATESTINGTESTING01", "aVeryDummySecretOfATest0123456789"
PASSWORD = "hunter22"
FILES = ("a.wav", "b/2.wav", "b/[live] song?.wav", "b/cover.jpg", "b/.hidden.wav", "notes.txt", "table.csv")


def song(seed=0):
    """A second of noise as the bytes of a wav file."""
    target = io.BytesIO()
    y = np.random.default_rng(seed).uniform(-0.1, 0.1, 8000)
    soundfile.write(target, y, 8000, format="WAV")
    return target.getvalue()


def zipped(**options):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*FILES, "__MACOSX/._a.wav", "../../evil.wav", "odd::name.wav"):
            archive.writestr(name, song(), **options)
    return target.getvalue()


def entries(word, **options):
    return [(found.name, found.error) for found in expand_remote(word, **options)]


def read(address, **options):
    with fetched(address, **options) as path:
        return path.read_bytes()


@pytest.fixture(scope="module")
def s3_server():
    boto3, s3fs = pytest.importorskip("boto3"), pytest.importorskip("s3fs")
    server_of = pytest.importorskip("moto.server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
        server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        root = "http://{}:{}".format(*server.get_host_and_port())
        names = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
        s3fs.S3FileSystem.clear_instance_cache()  # clients of an earlier server
        yield root, boto3.client("s3", endpoint_url=root, **names)
        server.stop()


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Dummy credentials, no instance metadata, no proxy, and no file of the user's own."""
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    nothing = str(tmp_path / "no-such-file")
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "NETRC": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fsspec.config, "conf", {})
    monkeypatch.setattr("genrekit.remote.transfer.PAUSE_S", 0)


@pytest.fixture
def new_session():
    """fsspec keeps clients, with the credentials that they found."""
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """A client of a server with a bucket 'songs' that holds `FILES` and an archive."""
    root, client = s3_server
    monkeypatch.setenv("AWS_ENDPOINT_URL", root)
    client.create_bucket(Bucket="songs")
    for name in FILES:
        client.put_object(Bucket="songs", Key=name, Body=song())
    client.put_object(Bucket="songs", Key="archives/all.zip", Body=zipped())
    yield client
    for entry in client.get_paginator("list_objects_v2").paginate(Bucket="songs").search("Contents"):
        client.delete_object(Bucket="songs", Key=entry["Key"])


@pytest.fixture
def guarded(s3_server):
    """Make the S3 server check credentials."""
    control = f"{s3_server[0]}/moto-api/reset-auth"
    plain = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(control, b"0", plain)).close()
    yield
    urllib.request.urlopen(urllib.request.Request(control, b"inf", plain)).close()


class Handler(http.server.BaseHTTPRequestHandler):
    """A web server with the faults of web servers."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.asked.append(self.path)
        self.close_connection = True
        getattr(self, re.sub(r"\W.*", "", self.path[1:]), self.missing)()

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers = {"Content_Length": len(body), "Connection": "close", **headers}
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def song(self):
        self.answer(200, song())

    def missing(self):
        self.answer(404, b"<h1>not here</h1>")

    def moved(self):
        self.answer(302, Location="/song.wav")

    def astray(self):
        self.answer(302, Location="file:///etc/hostname")

    def circle(self):
        self.answer(302, Location="/circle.wav")

    def short(self):
        self.answer(200, song()[:1000], Content_Length=len(song()))

    def flaky(self):
        self.song() if len(self.server.asked) > 1 else self.answer(503)

    def private(self):
        expected = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        self.song() if self.headers["Authorization"] == expected else self.answer(401)

    def endless(self):
        self.answer(200, Content_Length=None)
        while True:
            self.wfile.write(bytes(2**16))

    def silent(self):
        self.answer(200, Content_Length=100)
        self.server.stopped.wait(20)

    def parts(self):
        body = zipped()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        if not wanted:
            return self.answer(200, body, Accept_Ranges="bytes")
        first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
        return self.answer(
            206,
            body[first : last + 1],
            Content_Range=f"bytes {first}-{last}/{len(body)}",
            Accept_Ranges="bytes",
        )

    def whole(self):
        self.answer(200, zipped(), Accept_Ranges="none")

    def plain(self):
        self.answer(200, zipped())

    def log_message(self, *words):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that leaves an endless body is no news."""


@pytest.fixture
def web():
    """The server; ``web.root`` is its address."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked, server.stopped = [], threading.Event()
        server.root = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.stopped.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "songs.zip"
    path.write_bytes(zipped())
    return path


def test_what_is_an_address():
    remote = ("s3://b/a.wav", "GS://b", "gcs://b", "https://h/a.wav", "http://h", "zip://*.wav::s3://b/a.zip")
    local = ("a.wav", "file:///a.wav", "synthetic:?songs=3", "gtzan:folder", r"C:\a.wav", "C:/a.wav", "-", "")
    assert all(map(is_remote, remote))
    assert not any(map(is_remote, local))


def test_a_bucket_is_the_media_below_it(bucket):
    media = [
        ("s3://songs/a.wav", None),
        ("s3://songs/b/2.wav", None),
        ("s3://songs/b/[live] song?.wav", None),
    ]
    cover = [("s3://songs/b/cover.jpg", None)]
    assert entries("s3://songs") == media + cover
    assert entries("s3://songs/", kinds={Modality.AUDIO, Modality.TABLE}) == media
    assert entries("s3://songs/b") == entries("s3://songs/b/") == media[1:] + cover


def test_patterns_in_a_bucket(bucket):
    assert entries("s3://songs/*.wav") == [("s3://songs/a.wav", None)]
    assert [name for name, _ in entries("s3://songs/**/*.wav")] == [
        f"s3://songs/{name}" for name in ("a.wav", "b/2.wav", "b/[live] song?.wav")
    ]
    assert entries("s3://songs/[bc]/2*") == [("s3://songs/b/2.wav", None)]
    assert ("s3://songs/notes.txt", None) in entries("s3://songs/*")
    assert entries("s3://songs/*.ogg") == [("s3://songs/*.ogg", "No file matches the pattern.")]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(bucket):
    assert entries("s3://songs/b/[live] song?.wav") == [("s3://songs/b/[live] song?.wav", None)]
    assert read("s3://songs/b/[live] song?.wav") == song()


def test_a_named_file_is_an_input_and_nothing_is_asked():
    for word in ("s3://nowhere/a.wav", "gs://nowhere/a.CSV", "https://nowhere.invalid/any?id=5"):
        assert entries(word) == [(word, None)]


def test_listing_is_lazy(bucket):
    listing = expand_remote("s3://songs")
    assert next(listing).address == "s3://songs/a.wav"
    bucket.delete_object(Bucket="songs", Key="b/cover.jpg")
    assert "s3://songs/b/cover.jpg" not in [found.name for found in listing]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("s3://nobucket", "There is no such bucket."),
        ("s3://nobucket/*.wav", "There is no such bucket."),
        ("s3://songs/nothing/", "The address holds no song or picture that a loaded model takes."),
        ("s3://", "The address names no bucket; an example with one is s3://bucket/songs/."),
        ("s3://*/a.wav", "The address names no bucket; an example with one is s3://bucket/songs/."),
        ("http:///a.wav", "The address has no host, or contains control characters."),
        ("http://h/a\nb.wav", "The address has no host, or contains control characters."),
        ("https://h/folder/", "Web addresses have no folders to list; use the address of a file."),
        ("zip://a.wav", "The address names no archive; an example with one is zip://*.wav::songs.zip."),
        ("zip://a.wav::zip://b.zip::c.zip", "An archive inside an archive is not read."),
        ("zip://*::zip://b.zip", "An archive inside an archive is not read."),
        ("zip://*::missing.zip", "There is no such file."),
    ],
)
def test_words_that_mean_nothing_are_not_lost(bucket, word, reason):
    assert entries(word) == [(word, reason)]


def test_too_many_files(bucket, monkeypatch):
    monkeypatch.setattr("genrekit.remote.transfer.MAX_FILES", 2)
    assert entries("s3://songs")[2:] == [
        ("s3://songs", "The address holds more than 2 files; use a narrower one.")
    ]


def test_fetching_from_a_bucket(bucket, tmp_path):
    with fetched("s3://songs/a.wav", folder=tmp_path) as path:
        assert path.parent == tmp_path
        assert path.suffix == ".wav"
        assert path.read_bytes() == song()
    assert not path.exists()
    for address, reason in {
        "s3://songs/none.wav": "There is no such file",
        "s3://nobucket/a.wav": "There is no such",
        "s3://songs/b": "is a folder",
    }.items():
        with pytest.raises(MediaError, match=reason):
            read(address, folder=tmp_path)
    with pytest.raises(MediaError, match="is longer than 1,000 bytes"):
        read("s3://songs/a.wav", max_bytes=1000, folder=tmp_path)
    assert not any(tmp_path.iterdir())


def test_an_error_of_the_user_of_the_file_is_left_alone(bucket, tmp_path):
    with pytest.raises(ZeroDivisionError), fetched("s3://songs/a.wav", folder=tmp_path):
        raise ZeroDivisionError
    assert not any(tmp_path.iterdir())


def test_an_old_version_of_an_object(bucket):
    bucket.put_bucket_versioning(Bucket="songs", VersioningConfiguration={"Status": "Enabled"})
    old = bucket.put_object(Bucket="songs", Key="v.wav", Body=b"old")["VersionId"]
    bucket.put_object(Bucket="songs", Key="v.wav", Body=b"new")
    word = f"s3://songs/v.wav?versionId={old}"
    assert entries(word) == [(word, None)]
    with fetched(word) as path:
        assert (path.suffix, path.read_bytes()) == (".wav", b"old")
    assert read("s3://songs/v.wav") == b"new"
    bucket.put_bucket_versioning(Bucket="songs", VersioningConfiguration={"Status": "Suspended"})


def test_wrong_credentials(bucket, guarded):
    (listed,) = expand_remote("s3://songs")
    assert listed.error == "The credentials are not accepted (InvalidAccessKeyId)."
    with pytest.raises(MediaError, match="Access is denied") as caught:
        read("s3://songs/a.wav")
    with pytest.raises(
        UsageError, match=r"s3://songs/out\.csv cannot be written: access is denied"
    ) as refused:
        exists("s3://songs/out.csv")
    for text in (listed.error, repr(caught.value), repr(refused.value)):
        assert KEY not in text
        assert SECRET not in text


def test_no_credentials(bucket, new_session, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (listed,) = expand_remote("s3://songs")
    assert listed.error.startswith("No credentials were found")
    monkeypatch.setitem(fsspec.config.conf, "s3", {"key": KEY, "secret": SECRET})
    assert len(entries("s3://songs")) == 4


def test_hosts_that_are_not_there(new_session, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", closed)
        assert entries("s3://songs") == [("s3://songs", "The host cannot be reached.")]
        with pytest.raises(MediaError, match="The host cannot be reached"):
            read(f"{closed}/a.wav")


@pytest.mark.parametrize(
    ("module", "word", "extra"),
    [("gcsfs", "gs://b/*", "gcs"), ("fsspec", "zip://*::http://h/a.zip", "remote")],
)
def test_a_missing_extra_is_named(monkeypatch, module, word, extra):
    monkeypatch.setitem(sys.modules, module, None)
    assert entries(word) == [(word, f'A package is missing; install it: pip install "genrekit[{extra}]".')]


def test_other_stores_are_walked_in_the_same_order(monkeypatch):
    class Bucket(memory.MemoryFileSystem):
        protocol, store, pseudo_dirs = "gs", {}, [""]

        def ls(self, path, **options):
            listed = super().ls(path, **{**options, "detail": True})
            return [{**entry, "name": entry["name"].lstrip("/")} for entry in listed]

    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda scheme: Bucket)
    for name in (*FILES, "b.wav", "b-side/1.wav"):
        Bucket().pipe_file(f"songs/{name}", song())
    media = ["a.wav", "b-side/1.wav", "b.wav", "b/2.wav", "b/[live] song?.wav", "b/cover.jpg"]
    assert entries("gs://songs") == [(f"gs://songs/{name}", None) for name in media]
    assert entries("gs://songs/b") == [(f"gs://songs/{name}", None) for name in media[3:]]
    assert entries("gs://songs/b*/?.wav") == [("gs://songs/b-side/1.wav", None), ("gs://songs/b/2.wav", None)]
    assert entries("gs://nobucket") == [("gs://nobucket", "There is no such file.")]
    assert read("gs://songs/b/2.wav") == song()
    with open_output("gs://songs/out.csv") as stream:
        stream.write("x")
    assert Bucket().cat_file("songs/out.csv") == b"x"


def test_fetching_from_the_web(web):
    assert read(f"{web.root}/song.wav") == song()
    assert read(f"{web.root}/moved.wav") == song()
    with fetched(f"{web.root}/song?format=.sh") as path:
        assert path.suffix == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing.wav", "There is no such file"),
        ("private.wav", "Access is denied"),
        ("short.wav", "The transfer broke off before the end"),
        ("endless.wav", "is longer than 3,000,000 bytes"),
        ("astray.wav", "redirect"),
        ("circle.wav", "The server redirects to nowhere"),
    ],
)
def test_what_goes_wrong_on_the_web(web, tmp_path, path, reason):
    with pytest.raises(MediaError, match=reason):
        read(f"{web.root}/{path}", max_bytes=3_000_000, folder=tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_passing_fault_is_tried_again(web):
    assert read(f"{web.root}/flaky.wav") == song()
    assert len(web.asked) == 2


def test_a_silent_server_is_abandoned(web, monkeypatch):
    monkeypatch.setattr(stores, "READ_S", 0.2)
    with pytest.raises(MediaError, match="did not answer in time"):
        read(f"{web.root}/silent.wav")


def test_a_dripping_server_is_abandoned(web, monkeypatch):
    monkeypatch.setattr("genrekit.remote.transfer.FETCH_S", -1.0)
    with pytest.raises(MediaError, match="did not arrive within"):
        read(f"{web.root}/endless.wav")


def test_credentials_in_an_address_are_used_and_not_shown(web):
    address = web.root.replace("://", f"://me:{PASSWORD}@") + "/private.wav"
    (found,) = expand_remote(address)
    assert found.name == f"{web.root}/private.wav"
    assert PASSWORD not in repr(found)
    assert read(found.address) == song()
    with pytest.raises(MediaError) as caught:
        read(address.replace(PASSWORD, "wrongword").replace("private", "missing"))
    assert "wrongword" not in repr(caught.value)


def test_a_signed_address_reaches_the_server_as_it_is(web):
    signed = "/song.wav?X-Amz-Credential=me%2F2026&X-Amz-Signature=a%2Bb%3D"
    (found,) = expand_remote(web.root + signed)
    assert found.name == f"{web.root}/song.wav"
    assert read(found.address) == song()
    assert web.asked == [signed]


def test_a_presigned_object(bucket):
    signed = bucket.generate_presigned_url("get_object", {"Bucket": "songs", "Key": "b/[live] song?.wav"})
    (found,) = expand_remote(signed)
    assert found.name.endswith("/songs/b/%5Blive%5D%20song%3F.wav")
    assert read(found.address) == song()


def test_members_of_an_archive(archive):
    assert [name for name, _ in entries(f"zip://::{archive}", kinds={Modality.AUDIO})] == [
        f"zip://{name}::{archive}" for name in ("a.wav", "b/2.wav", "b/[live] song?.wav", "odd::name.wav")
    ]
    assert entries(f"zip://b::{archive}")[-1] == (f"zip://b/cover.jpg::{archive}", None)
    assert entries(f"zip://*.wav::{archive}")[0] == (f"zip://a.wav::{archive}", None)
    assert read(f"zip://odd::name.wav::{archive}") == song()
    assert read(f"zip://a.wav::file://{archive}") == song()
    with pytest.raises(MediaError, match="There is no such file"):
        read(f"zip://none.wav::{archive}")


def test_archives_in_buckets_and_on_the_web(bucket, web):
    for place in ("s3://songs/archives/all.zip", f"{web.root}/parts.zip"):
        assert entries(f"zip://*2*::{place}") == [(f"zip://*2*::{place}", "No file matches the pattern.")]
        assert entries(f"zip://b/*.jpg::{place}") == [(f"zip://b/cover.jpg::{place}", None)]
        assert read(f"zip://b/2.wav::{place}") == song()
    (found,) = expand_remote(f"zip://a.wav::{web.root}/parts.zip?token=abc")
    assert found.name == f"zip://a.wav::{web.root}/parts.zip"
    assert read(found.address) == song()
    for name in ("whole.zip", "plain.zip"):
        with pytest.raises(MediaError, match="download the archive first"):
            read(f"zip://a.wav::{web.root}/{name}")


def test_an_archive_that_changes_is_opened_again(archive):
    assert read(f"zip://a.wav::{archive}") == song()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("a.wav", b"new")
    assert read(f"zip://a.wav::{archive}") == b"new"


def test_hostile_archives(archive, tmp_path, monkeypatch):
    below = tmp_path / "below" / "below"
    below.mkdir(parents=True)
    with fetched(f"zip://../../evil.wav::{archive}", folder=below) as path:
        assert list(tmp_path.rglob("*.wav")) == [path]
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("a.wav", bytes(5_000_000))
        target.writestr("locked.wav", song())
        target.getinfo("locked.wav").flag_bits |= 1
    with pytest.raises(MediaError, match="is longer than 1,000,000 bytes"):
        read(f"zip://a.wav::{bomb}", max_bytes=1_000_000)
    with pytest.raises(MediaError, match="encrypted"):
        read(f"zip://locked.wav::{bomb}")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert entries(f"zip://::{archive}")[0][1] == "The archive is damaged, or is of another kind."
    archive.write_bytes(whole)
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 100)
    assert entries(f"zip://::{archive}")[0][1] == "The directory of the archive is too long."


@pytest.fixture
def tar(tmp_path):
    path = tmp_path / "songs.tar"
    with tarfile.open(path, "w") as packed:
        for name in ("a.wav", "b/2.wav", "b/cover.jpg", "b/" + "long" * 60 + ".wav", "../evil.wav"):
            found = tarfile.TarInfo(name)
            found.size = len(song())
            packed.addfile(found, io.BytesIO(song()))
        link = tarfile.TarInfo("link.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    return path


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_is_part_of_a_cycle_is_closed(archive, tar, kind, monkeypatch):
    """As the traceback of an error makes it one; a file that is collected while it is open is a warning, and here an error."""
    said = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: said.append(str(what.exc_value)))
    path, opening = {"zip": (archive, archives._Zip), "tar": (tar, archives._Tar)}[kind]
    opened = opening(path.open("rb"))
    opened.itself = opened
    del opened
    gc.collect()
    assert said == []


def test_members_of_a_tar_archive(tar, tmp_path):
    names = [name for name, _ in entries(f"tar://::{tar}", kinds={Modality.AUDIO})]
    assert names == [f"tar://{name}::{tar}" for name in ("a.wav", "b/2.wav", "b/" + "long" * 60 + ".wav")]
    assert read(f"tar://b/2.wav::{tar}") == song()
    assert read(f"tar://a.wav::file://{tar}") == song()
    for name in ("none.wav", "link.wav"):
        with pytest.raises(MediaError, match="There is no such file"):
            read(f"tar://{name}::{tar}")
    below = tmp_path / "below" / "below"
    below.mkdir(parents=True)
    with fetched(f"tar://../evil.wav::{tar}", folder=below) as path:
        assert list(tmp_path.rglob("*.wav")) == [path]


def test_tar_archives_that_cannot_be_used(tar, tmp_path):
    whole = tar.read_bytes()
    packed = tmp_path / "songs.tar.gz"
    packed.write_bytes(gzip.compress(whole))
    assert "compressed as a whole" in entries(f"tar://::{packed}")[0][1]
    tar.write_bytes(whole[:1500])
    assert "The archive is damaged" in entries(f"tar://::{tar}")[0][1]
    claim = tarfile.TarInfo("x")
    claim.type, claim.size = tarfile.XHDTYPE, 2**33
    tar.write_bytes(claim.tobuf() + bytes(1024))
    assert entries(f"tar://::{tar}")[0][1]
    with pytest.raises(MediaError, match="An archive inside an archive"):
        read(f"tar://a.wav::zip://b.tar::{tar}")


@given(st.data())
def test_any_bytes_as_an_archive(tmp_path_factory, data):
    whole = bytearray(zipped())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)))):
        whole[place] = value
    path = tmp_path_factory.getbasetemp() / "mutated.zip"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for found in expand_remote(f"zip://::{path}"):
        if found.address:
            with contextlib.suppress(MediaError):
                read(found.address, max_bytes=10**6)


def test_an_output_appears_whole(bucket, tmp_path):
    address = "s3://songs/out/rows.jsonl"
    assert exists(address) is False
    with open_output(address, folder=tmp_path) as stream:
        stream.write("caf\xe9\n")
        stream.flush()
        assert exists(address) is False
    assert exists(address) is True
    assert bucket.get_object(Bucket="songs", Key="out/rows.jsonl")["Body"].read() == "caf\xe9\n".encode()
    with contextlib.suppress(ZeroDivisionError), open_output(address, folder=tmp_path) as stream:
        stream.write("half")
        raise ZeroDivisionError
    assert read(address) == "caf\xe9\n".encode()
    assert not any(tmp_path.iterdir())


def test_outputs_that_cannot_be(bucket, web, tmp_path):
    for address in (
        f"{web.root}/out.csv",
        "zip://out.csv::a.zip",
        "s3://songs",
        "s3://songs/out/",
        "out.csv",
    ):
        with pytest.raises(UsageError), open_output(address):
            pass
    with pytest.raises(UsageError, match="there is no bucket nobucket"):
        exists("s3://nobucket/out.csv")
    with (
        pytest.raises(GenrekitError, match="could not be written to s3://nobucket") as caught,
        open_output("s3://nobucket/out.csv", folder=tmp_path) as stream,
    ):
        stream.write("kept")
    (kept,) = tmp_path.iterdir()
    assert kept.read_text() == "kept"
    assert str(kept) in caught.value.hint


words = st.text("abcdefgXYZ0189-_.~!$*+", min_size=6)
signs = st.sampled_from(["X-Amz-Signature", "sig", "token", "access_token", "X-Goog-Credential", "api_key"])


@given(user=words, password=words, sign=signs, value=words, scheme=st.sampled_from(["http", "HTTPS", "s3"]))
@example(user="abcdef", password="pass/word", sign="sig", value="012345", scheme="https")
@example(user="abcdef", password="pass?word", sign="sig", value="012345", scheme="https")
def test_secrets_never_come_through(user, password, sign, value, scheme):
    address = f"{scheme}://{user}:{password}@host/QQ.wav"
    if scheme != "s3":
        address += f"?id=5&{sign}={value}#{value}"
    for text in (
        address,
        f"zip://m m.wav::{address}",
        f"error at '{address}' (and {address}): no",
        f"({address})",
    ):
        clean = redact(text)
        assert "://host/QQ.wav" in clean
        rest = clean.replace("://host/QQ.wav", "")
        assert f"{user}:" not in rest
        assert password not in rest
        assert value not in rest or scheme == "s3"


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/get?id=5&page=2",
        "s3://bucket/who? me@home: token=1.wav",
        "zip://a@b?.wav::/home/me/a.zip",
        "me@example.org wrote: x/y?z",
        "gs://bucket/a.wav: no such file",
        "http://[::1]:8000/a@b.wav",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_nothing_is_imported_before_it_is_used_and_leaving_is_quiet(bucket):
    code = (
        "import sys; from genrekit.remote import transfer as remote; assert not {'fsspec', 's3fs', 'aiohttp'} & set(sys.modules)\n"
        "with remote.fetched('s3://songs/a.wav') as path: print(path.stat().st_size)\n"
        "print(len(list(remote.expand_remote('zip://*::s3://songs/archives/all.zip'))))"
    )
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == ([str(len(song())), "7"], "")
