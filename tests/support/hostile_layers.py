#!/usr/bin/env python3
"""Writes an OCI layout for each way in which an image can be hostile to whoever unpacks it.

usage: hostile_layers.py [--greedy] DIR OUTSIDE

A layout DIR/NAME each, tag "1"; OUTSIDE is a file that the images try to reach. Writes the names
to standard output with what must become of them: "refused" or "contained". With --greedy, those
that would take much memory instead.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile


def entry(name, data=b"", kind=tarfile.REGTYPE, link="", mode=0o644, size=None, pax=None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = len(data) if size is None else size
    info.pax_headers = pax or {}
    return info, data


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


def raw_header(name, size, kind=b"0", link=b""):
    """A header whose fields say what they like."""
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar\00000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(text, kind=b"x"):
    return raw_header(b"pax", len(text), kind) + text + bytes(-len(text) % 512)


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(b"%d" % length) + len(body) != length:
        length += 1
    return b"%d" % length + body


END = bytes(1024)


def layout(path, layers, spoil=None):
    blobs = os.path.join(path, "blobs", "sha256")
    os.makedirs(blobs)

    def put(content):
        digest = hashlib.sha256(content).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(content)
        return {"digest": "sha256:" + digest, "size": len(content)}

    described, diff_ids = [], []
    for layer in layers:
        compressed = layer if isinstance(layer, tuple) else (gzip.compress(layer, 1, mtime=0), layer)
        described.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **put(compressed[0])})
        diff_ids.append("sha256:" + hashlib.sha256(compressed[1]).hexdigest())
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(json.dumps(config).encode())},
        "layers": described,
    }
    if spoil:
        spoil(manifest, blobs)
    root = {"mediaType": manifest["mediaType"], **put(json.dumps(manifest).encode())}
    root["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    with open(os.path.join(path, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion": "1.0.0"}')
    with open(os.path.join(path, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [root]}, file)


def change_blob(change):
    def spoil(manifest, blobs):
        file = os.path.join(blobs, manifest["layers"][0]["digest"][7:])
        with open(file, "rb") as old:
            content = old.read()
        with open(file, "wb") as new:
            new.write(change(content))

    return spoil


def greedy_cases():
    """Small layers that would need much memory: names that compress to nothing."""
    link, folder = tarfile.SYMTYPE, tarfile.DIRTYPE
    deep = "a/" * 2000 + "b"
    long = "d/" * 1000
    return {
        "deep": ([tar(*(entry("%d/" % i + deep) for i in range(40)))], "refused"),
        "deeper": ([tar(*(entry("%d/" % i + deep) for i in range(1000)))], "refused"),
        "links-that-go-on": (
            [tar(entry("a", kind=link, link=long), entry("b", kind=link, link="a/" + long), entry("b/" + long + "f"))],
            "refused",
        ),
        "attributes": (
            [tar(*(entry("d%d" % i, kind=folder, pax={"SCHILY.xattr.user.a%d" % i: "x" * 1000000}) for i in range(300)))],
            "refused",
        ),
    }


def main():
    greedy = sys.argv[1] == "--greedy"
    directory, outside = sys.argv[-2:]
    up = "../" * 12 + outside.lstrip("/")
    link, hard, char = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
    good = tar(entry("file", b"content"))
    cases = {
        # digests and sizes
        "wrong-digest": ([good], "refused", change_blob(lambda old: old[:-1] + bytes([old[-1] ^ 1]))),
        "cut-blob": ([good], "refused", change_blob(lambda old: old[:-5])),
        "long-blob": ([good], "refused", change_blob(lambda old: old + b"more")),
        "wrong-diff-id": ([(gzip.compress(good, mtime=0), b"something else")], "refused"),
        "not-gzip": ([(b"\x1f\x8b" + b"nonsense" * 10, good)], "refused"),
        "not-a-tar": ([b"nonsense" * 1000], "refused"),
        # paths
        "dot-dot": ([tar(entry(up, b"evil"))], "refused"),
        "dot-dot-inside": ([tar(entry("a/../../" + up, b"evil"))], "refused"),
        "absolute": ([tar(entry(outside, b"evil"))], "contained"),
        "control-characters": ([tar(entry("a\x1b]0;evil\x07", b"evil"))], "contained"),
        "newline": ([tar(entry("a\nplace", b"evil"))], "contained"),
        "endless-name": ([pax(record(b"path", b"a/" * 5000 + b"b")) + raw_header(b"x", 0) + END], "refused"),
        "nul-in-name": ([pax(record(b"path", b"a\0b")) + raw_header(b"x", 0) + END], "refused"),
        # links
        "symlink-out": ([tar(entry("way", kind=link, link=os.path.dirname(outside)), entry("way/outside", b"evil"))], "contained"),
        "symlink-up": ([tar(entry("way", kind=link, link="../" * 12), entry("way" + outside, b"evil"))], "contained"),
        "symlink-of-a-lower-layer": (
            [tar(entry("way", kind=link, link=os.path.dirname(outside))), tar(entry("way/outside", b"evil"))],
            "contained",
        ),
        "symlink-itself": ([tar(entry("file", kind=link, link=outside), entry("file", b"evil"))], "contained"),
        "symlink-chain": (
            [tar(entry("a", kind=link, link="b"), entry("b", kind=link, link="../../.."), entry("a" + outside, b"evil"))],
            "contained",
        ),
        "symlink-loop": ([tar(entry("a", kind=link, link="b"), entry("b", kind=link, link="a"), entry("a/x", b"evil"))], "refused"),
        "symlink-of-the-root": ([tar(entry("./", kind=link, link="/tmp"))], "contained"),
        "hardlink-out": ([tar(entry("stolen", kind=hard, link=up))], "refused"),
        "hardlink-absolute": ([tar(entry("stolen", kind=hard, link=outside))], "refused"),
        "hardlink-through-symlink": (
            [tar(entry("way", kind=link, link=os.path.dirname(outside)), entry("stolen", kind=hard, link="way/outside"))],
            "refused",
        ),
        "hardlink-to-symlink": (
            [tar(entry("a", kind=link, link=outside), entry("b", kind=hard, link="a"), entry("b", b"evil"))],
            "contained",
        ),
        "hardlink-to-nothing": ([tar(entry("a", kind=hard, link="absent"))], "refused"),
        # whiteouts
        "whiteout-of-the-root": ([good, tar(entry(".wh."))], "refused"),
        "whiteout-up": ([good, tar(entry("a/.wh..."))], "refused"),
        "whiteout-out": (
            [tar(entry("way", kind=link, link=os.path.dirname(outside))), tar(entry("way/.wh.outside"), entry("way/.wh..wh..opq"))],
            "contained",
        ),
        # kinds
        "beneath-a-file": ([tar(entry("a", b"x"), entry("a/b", b"y"))], "refused"),
        "file-for-directory": ([tar(entry("a/b", b"x")), tar(entry("a", b"y"))], "contained"),
        "directory-for-file": ([tar(entry("a", b"x")), tar(entry("a/", kind=tarfile.DIRTYPE, mode=0o755))], "contained"),
        "device": ([tar(entry("sda", kind=char))], "contained"),
        # where readers part ways (the four desynchronisation cases)
        "pax-size": (
            [pax(record(b"size", b"1024")) + raw_header(b"a", 0) + raw_header(b"evil", 0) + bytes(512) + END],
            "contained",
        ),
        "pax-between-long-name": (
            [pax(record(b"path", b"one")) + raw_header(b"././@LongLink", 4, b"L") + b"two\0" + bytes(508) + raw_header(b"x", 0) + END],
            "refused",
        ),
        "malformed-pax": ([pax(b"nonsense without a length\n") + raw_header(b"x", 0) + END], "refused"),
        "size-beyond-the-end": ([raw_header(b"a", 8 * 2**30) + b"short" + END], "refused"),
        # sizes
        "sparse": (
            [
                pax(record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0")
                    + record(b"GNU.sparse.realsize", b"%d" % 2**43) + record(b"GNU.sparse.name", b"a"))
                + raw_header(b"GNUSparseFile.0/a", 512) + bytes(512) + END
            ],
            "refused",
        ),
        "many-bytes": ([tar(entry("zeros", bytes(3_000_000)))], "refused"),
    }
    if greedy:
        cases = greedy_cases()
    for name, (layers, outcome, *spoil) in cases.items():
        layout(os.path.join(directory, name), layers, *spoil)
        print(name, outcome)


if __name__ == "__main__":
    main()
