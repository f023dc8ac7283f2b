"""The store on a disk and in a bucket, its queue, and what goes in and out of it by files."""

import json

import pytest
from PIL import Image
from support.corrected import add, rows
from support.waiting import wait_until

from genrekit.errors import GenrekitError, UsageError
from genrekit.feedback import (
    Event,
    Limits,
    Order,
    Predicted,
    Spool,
    Store,
    Writer,
    check_store,
    export_csv,
    export_label_studio,
    hash_receipt,
    import_labels,
    new_id,
    new_receipt,
    now,
    opaque,
)

KEY, SECRET = "AKIATESTINGTESTING01", "aVeryDummySecretOfATest0123456789"


def names(store):
    return [name for name, _ in store.objects.names()]


def picture(path, colour="red"):
    exif = Image.Exif()
    exif[0x010E] = "kitchen of Ms Example"
    Image.new("RGB", (40, 30), colour).save(path, exif=exif)
    return path


def event(receipt="", **facts):
    values = {"kind": "keep", "time": now(), "id": new_id(), "uploader": opaque("ann"), "consent": True}
    receipt = hash_receipt(receipt) if receipt else ""
    return Event.model_validate(
        {**values, "receipt": receipt, "predicted": Predicted(model="m", labels=("jazz",)), **facts}
    )


@pytest.fixture
def bucket(monkeypatch):
    """The address of a bucket on the loopback."""
    boto3, s3fs = pytest.importorskip("boto3"), pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    server.start()
    root = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": root,
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("genrekit.remote.stores.TRIES", 2)
    s3fs.S3FileSystem.clear_instance_cache()
    boto3.client("s3", endpoint_url=root).create_bucket(Bucket="kept")
    yield "s3://kept/of/ours", server
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow", "ignore:.*:DeprecationWarning:moto")
def test_a_bucket_and_a_disk_have_the_same_tree_and_a_bucket_that_is_away_only_waits(tmp_path, bucket):
    address, server = bucket
    stores = [Store(tmp_path / "disk"), Store(address)]
    receipt, said = new_receipt(), []
    kept, other = event(receipt), event(uploader=opaque("bob"))
    for number, store in enumerate(stores):
        writer = Writer(store, Spool(tmp_path / f"spool{number}"), Limits(), say=said.append)
        writer.add(Order(what="keep", event=kept), picture(tmp_path / "a.jpg"))
        writer.add(Order(what="keep", event=other), picture(tmp_path / "b.png", "blue"))
        remark = {"kind": "feedback", "verdict": "right", "labels": ("jazz",)}
        writer.add(Order(what="feedback", event=kept.model_copy(update=remark)))
        writer.drain()
        assert store.find(kept.id).sha256
        assert not check_store(store)
    disk, remote = stores
    assert names(disk) == names(remote)
    assert len(names(disk)) == 2 + 3 + 2 + 1
    assert writer.delete(receipt) == "deleted"
    assert len(names(remote)) == 3
    server.stop()
    assert writer.delete(new_receipt()) == "queued"
    with pytest.raises(GenrekitError) as raised:
        names(remote)
    assert SECRET not in str(raised.value)


def test_credentials_are_not_in_an_address():
    with pytest.raises(UsageError, match="environment") as raised:
        Store("s3://key:secretsecret@bucket/prefix")
    assert "secretsecret" not in str(raised.value)
    with pytest.raises(UsageError, match="s3://bucket"):
        Store("https://host/store")


def test_a_full_spool_refuses_and_a_deletion_takes_what_waits(tmp_path):
    spool = Spool(tmp_path / "spool", max_orders=1)
    writer = Writer(Store(tmp_path / "store"), spool, Limits())
    receipt = new_receipt()
    file = picture(tmp_path / "a.jpg")
    assert writer.add(Order(what="keep", event=event(receipt)), file)
    assert not writer.add(Order(what="keep", event=event()), file)
    assert writer.delete(receipt) == "deleted"
    assert len(spool) == 0
    assert not list(spool.folder.iterdir())


def test_a_spool_that_others_can_read_is_refused(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o755)
    with pytest.raises(UsageError, match="chmod 700"):
        Spool(folder)


def test_what_cannot_be_read_is_dropped_and_the_rest_goes_on(tmp_path):
    counts = []
    store = Store(tmp_path / "store")
    writer = Writer(store, Spool(tmp_path / "spool"), Limits(), count=counts.append)
    broken = tmp_path / "broken"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    writer.start()
    writer.add(Order(what="keep", event=event()), broken)
    writer.add(Order(what="keep", event=event()), picture(tmp_path / "a.jpg"))
    assert wait_until(lambda: "kept" in counts)
    writer.close()
    assert counts == ["unreadable", "kept"]


def test_a_check_finds_what_is_wrong(tmp_path):
    store = Store(tmp_path / "store")
    (_, first), (_, second), (_, third) = rows(3, 0)
    add(store, first, "jazz", "ann", folder=tmp_path)
    add(store, first, "metal", "bob", folder=tmp_path)
    damaged = add(store, second, "jazz", "ann", folder=tmp_path)
    store.objects.write(f"objects/{damaged[:2]}/{damaged}.json", b"{}")
    add(store, third, "jazz", "ann", folder=tmp_path)
    lost = next(one for one in store.contents().values() if one.sha256 != damaged and len(one.events) == 2)
    store.objects.remove([lost.object])
    store.objects.write("notes.txt", b"")
    problems = sorted(problem.split(":")[0] for _, problem in check_store(store))
    assert problems == [
        "cannot be used",
        "contradiction",
        "has events and no file",
        "is of no kind that a store has",
    ]


def test_labels_come_back_from_label_studio_and_from_a_table(tmp_path):
    store = Store(tmp_path / "store")
    row = rows(1, 0)[0][1]
    sha256 = add(store, row, "jazz", "ann", folder=tmp_path)
    tasks = json.loads(export_label_studio(store))
    assert tasks[0]["annotations"][0]["result"][0]["value"] == {"choices": ["jazz"]}
    choices = [{"type": "choices", "value": {"choices": ["Metal"]}}]
    tasks[0]["annotations"] = [
        {"completed_by": {"email": "reviewer@example.org"}, "result": choices},
        {"completed_by": 2, "was_cancelled": True, "result": choices},
    ]
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks))
    found = import_labels(store, file)
    assert (len(found.added), found.failed) == (1, ())
    lines = export_csv(store).splitlines()
    assert len(lines) == 3
    assert {line.split(",")[2] for line in lines[1:]} == {"jazz", "metal"}
    assert not any(b"reviewer" in store.objects.read(name) for name in names(store))
    picture(tmp_path / "new.jpg")
    table = tmp_path / "labels.csv"
    table.write_text(
        f"path,sha256,label,annotator\nnew.jpg,,blues,bob\n,{sha256},jazz,bob\nmissing.jpg,,jazz,\n"
    )
    again = import_labels(store, table)
    assert len(again.added) == 2
    assert [name for name, _ in again.failed] == ["row 4"]
    assert sum(name.endswith(".jpg") for name in names(store)) == 1
    assert not any(b"Example" in store.objects.read(name) for name in names(store))
    assert store.delete(hash_receipt(again.added[0][1]))
    assert not any(name.endswith(".jpg") for name in names(store))


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1]"])
def test_json_that_is_not_of_label_studio_is_refused(tmp_path, text):
    file = tmp_path / "tasks.json"
    file.write_text(text)
    with pytest.raises(GenrekitError, match=r"Label Studio|JSON|tasks"):
        import_labels(Store(tmp_path / "store"), file)
