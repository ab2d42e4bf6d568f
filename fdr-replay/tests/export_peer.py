"""Independent readers of what `fdr-replay export` writes. Arguments: form, file. Prints one JSON document.

mcap      the mcap library and mcap-protobuf-support decode every message by the schema in the file; Foxglove's own
          schemas (foxglove-schemas-protobuf) decode the same bytes again
tlog      pymavlink
parquet   pyarrow
csv       Python's csv
kml, gpx  lxml, against the OGC's and Google's schemas (carried by fastkml) and against gpx11.xsd
geojson   json, and the rules of RFC 7946 that a track can break
"""

import csv
import json
import os
import sys


def mcap(path):
    from foxglove_schemas_protobuf.LocationFix_pb2 import LocationFix
    from foxglove_schemas_protobuf.Log_pb2 import Log
    from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    known = {"foxglove.LocationFix": LocationFix, "foxglove.Log": Log, "foxglove.PoseInFrame": PoseInFrame}
    with open(path, "rb") as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        counts, first, times = {}, {}, []
        for schema, channel, message, own in reader.iter_decoded_messages(log_time_order=False):
            counts[channel.topic] = counts.get(channel.topic, 0) + 1
            times.append(message.log_time)
            official = known.get(schema.name)
            if official is not None:
                again = official()
                again.ParseFromString(message.data)
                assert not again.UnknownFields(), schema.name
                ours = {f.name for f, _ in own.ListFields()}
                assert ours == {f.name for f, _ in again.ListFields()}, schema.name
                own = again
            if channel.topic not in first:
                first[channel.topic] = as_dict(own)
        metadata = {m.name: m.metadata for m in reader.iter_metadata()}
    return {
        "counts": counts,
        "first": first,
        "metadata": metadata,
        "statistics": summary.statistics.message_count,
        "start": min(times),
        "end": max(times),
        "fields": {
            channel.topic: summary.schemas[channel.schema_id].name for channel in summary.channels.values()
        },
    }


def as_dict(message):
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def tlog(path):
    os.environ["MAVLINK20"] = "1"
    from pymavlink import mavutil

    log = mavutil.mavlink_connection(path, dialect="ardupilotmega")
    counts, stamps = {}, []
    while (message := log.recv_match()) is not None:
        counts[message.get_type()] = counts.get(message.get_type(), 0) + 1
        stamps.append(message._timestamp)
    return {"counts": counts, "first": stamps[0], "last": stamps[-1]}


def parquet(path):
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    return {
        "rows": table.num_rows,
        "types": {field.name: str(field.type) for field in table.schema},
        "first": table.slice(0, 1).to_pylist()[0],
        "last": table.slice(table.num_rows - 1, 1).to_pylist()[0],
        "nulls": {name: table.column(name).null_count for name in table.column_names},
    }


def table(path):
    with open(path, newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {"rows": len(rows), "columns": list(rows[0]), "first": rows[0], "last": rows[-1]}


def kml(path):
    import fastkml
    from lxml import etree

    folder = os.path.join(os.path.dirname(fastkml.__file__), "schema")
    schema = etree.XMLSchema(etree.parse(os.path.join(folder, "kml22gx.xsd")))
    document = etree.parse(path)
    schema.assertValid(document)
    own = {"k": "http://www.opengis.net/kml/2.2", "gx": "http://www.google.com/kml/ext/2.2"}
    tracks = document.findall(".//gx:Track", own)
    sizes = []
    for track in tracks:
        when, coord = track.findall("k:when", own), track.findall("gx:coord", own)
        value = track.findall(".//gx:value", own)
        assert len(when) == len(coord) == len(value)
        sizes.append(len(when))
    return {
        "tracks": sizes,
        "labels": [t.getparent().find("k:name", own).text for t in tracks],
        "first_when": tracks[0].find("k:when", own).text,
        "first_coord": tracks[0].find("gx:coord", own).text,
        "events": [p.find("k:name", own).text for p in document.findall(".//k:Placemark", own) if p.find("k:Point", own) is not None],
    }


def gpx(path):
    from lxml import etree

    here = os.path.dirname(os.path.abspath(__file__))
    document = etree.parse(path)
    etree.XMLSchema(etree.parse(os.path.join(here, "gpx11.xsd"))).assertValid(document)
    own = {"g": "http://www.topografix.com/GPX/1/1"}
    points = document.findall(".//g:trkpt", own)
    return {
        "tracks": [len(t.findall(".//g:trkpt", own)) for t in document.findall("g:trk", own)],
        "first": dict(points[0].attrib, ele=points[0].find("g:ele", own).text, time=points[0].find("g:time", own).text),
        "events": [w.find("g:name", own).text for w in document.findall("g:wpt", own)],
    }


def geojson(path):
    with open(path) as stream:
        own = json.load(stream)
    assert own["type"] == "FeatureCollection"
    lines, events = [], []
    for feature in own["features"]:
        assert feature["type"] == "Feature"
        geometry, properties = feature["geometry"], feature["properties"]
        places = [geometry["coordinates"]] if geometry["type"] == "Point" else geometry["coordinates"]
        assert geometry["type"] == "Point" or len(places) >= 2
        assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in places)
        if "source_label" in properties:
            assert len(places) == len(properties["coordTimes"]) == len(properties["alt_msl_m"])
            lines.append(len(places))
        else:
            events.append(properties["event"])
    return {"tracks": lines, "events": events}


FORMS = {"mcap": mcap, "tlog": tlog, "parquet": parquet, "csv": table, "kml": kml, "gpx": gpx, "geojson": geojson}
print(json.dumps(FORMS[sys.argv[1]](sys.argv[2])))
