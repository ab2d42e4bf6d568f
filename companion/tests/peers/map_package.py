"""Checks a map package without our code: sqlite3, BLAKE3 and Ed25519 of other people.

usage: map_package.py PACKAGE PUBLIC_KEY_HEX; prints one JSON document, fails with a message otherwise.
"""

import hashlib
import json
import sqlite3
import struct
import sys
from pathlib import Path

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def check_layer(package, layer):
    for part in ("tiles", "hashes"):
        entry = layer[part]
        content = (package / entry["file"]).read_bytes()
        assert len(content) == entry["bytes"], entry
        assert blake3(content).hexdigest() == entry["blake3"], entry
    table = (package / layer["hashes"]["file"]).read_bytes()
    assert table[:16] == b"GPSD tile hash 1"
    wanted = {}
    for at in range(16, len(table), 41):
        zoom, x, y = struct.unpack_from("<BII", table, at)
        wanted[zoom, x, y] = table[at + 9 : at + 41]
    assert list(wanted) == sorted(wanted), "the table is not in order"
    connection = sqlite3.connect(f"file:{package / layer['tiles']['file']}?mode=ro", uri=True)
    found = {}
    for zoom, x, row, data in connection.execute(
        "SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles"
    ):
        found[zoom, x, 2**zoom - 1 - row] = blake3(data).digest()
        assert data[:2] == b"\xff\xd8" or data[:4] == b"\x89PNG"
    assert found == wanted, "tiles and table differ"
    metadata = dict(connection.execute("SELECT name, value FROM metadata"))
    return found, metadata


def main(package, key):
    package = Path(package)
    manifest = (package / "manifest.json").read_bytes()
    signature = bytes.fromhex((package / "manifest.sig").read_text().strip())
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    public.verify(signature, b"GPS-denied map manifest 1\0" + manifest)
    manifest = json.loads(manifest)
    tiles, metadata = check_layer(package, manifest["imagery"])
    deepest = max(zoom for zoom, _, _ in tiles)
    report = {
        "tiles": len(tiles),
        "zooms": sorted({zoom for zoom, _, _ in tiles}),
        "deepest": [[x, y] for zoom, x, y in sorted(tiles) if zoom == deepest],
        "metadata": metadata,
        "sha256": hashlib.sha256((package / "imagery.mbtiles").read_bytes()).hexdigest(),
    }
    print(json.dumps(report))


main(*sys.argv[1:])
