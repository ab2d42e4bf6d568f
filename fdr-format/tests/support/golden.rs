//! The golden segments of `fixtures/golden/`, as the code makes them today.
#![allow(dead_code, clippy::unwrap_used)]

use fdr_format::records::{ImuTrace, SegmentHeader, TypeName};
use fdr_format::{
    BootId, Digest, DropLine, FlightId, FooterParameters, List, LongBytes, LongText, Record,
    RecordType, Seal, SealedStream, SecretKey, SegmentEncoder, SegmentIdentity, SegmentReader,
    SegmentSummary, Stream,
};

use super::bodies;

pub const IDENTITY: SegmentIdentity = SegmentIdentity {
    flight_id: FlightId([
        0x2f, 0x6c, 0x1a, 0x0e, 0x5b, 0x7d, 0x4c, 0x3e, 0x9a, 0x11, 0x02, 0x42, 0xac, 0x12, 0x00,
        0x05,
    ]),
    segment: 3,
};

/// Name and content of every golden file.
pub fn files() -> [(&'static str, Vec<u8>); 3] {
    let whole = every_type();
    let damaged = damaged(&small());
    let mut torn = small();
    torn.truncate(torn.len() - 150);
    [
        ("every_type.bin", whole),
        ("damaged.bin", damaged),
        ("torn.bin", torn),
    ]
}

/// First inputs of the fuzz target `record_decoder`: the type's number and a body.
pub fn record_seeds() -> Vec<(String, Vec<u8>)> {
    let mut draw = bodies::seeded(11);
    RecordType::KNOWN
        .iter()
        .map(|&record_type| {
            let body = bodies::body(record_type, &mut draw);
            let input = [&record_type.0.to_le_bytes()[..], &body].concat();
            (record_type.to_string(), input)
        })
        .collect()
}

/// First inputs of the fuzz target `segment_reader`.
pub fn segment_seeds() -> Vec<(String, Vec<u8>)> {
    let clean = small();
    [
        ("clean", clean.clone()),
        ("damaged", damaged(&clean)),
        ("torn", clean[..clean.len() - 40].to_vec()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .to_vec()
}

/// First inputs of the fuzz target `segment_footer`: the body of the footer of `clean`, and what is near it.
pub fn footer_seeds() -> Vec<(String, Vec<u8>)> {
    let clean = small();
    let records = SegmentReader::open(&clean, None).unwrap();
    let footer = records.last().unwrap().unwrap();
    let mut grown = footer.body.to_vec();
    grown.extend(b"a field of the future");
    let mut draw = bodies::seeded(13);
    let foreign = bodies::body(RecordType::SEGMENT_FOOTER, &mut draw);
    [
        ("right", footer.body.to_vec()),
        ("grown", grown),
        ("foreign", foreign),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .to_vec()
}

/// First inputs of the fuzz target `drop_journal`.
pub fn journal_seeds() -> Vec<(String, Vec<u8>)> {
    let line = |segment: u32, chain| DropLine {
        time_ns: 60_000_000_000,
        cause: "cap".to_owned(),
        segment,
        first_sequence: u64::from(segment) * 100,
        last_sequence: u64::from(segment) * 100 + 99,
        first_monotonic_ms: 1,
        last_monotonic_ms: 2,
        records: 100,
        bytes: 4096,
        chain,
        counts: vec![(RecordType::TICK.0, 99), (RecordType::LOG.0, 1)],
    };
    let lines = [
        line(0, Some(Digest([7; 32]))),
        line(1, None),
        line(1 << 31, None),
    ];
    let whole: String = lines.iter().map(DropLine::encode).collect();
    let whole = whole.into_bytes();
    let torn = [&whole[..whole.len() - 30], &[0; 64][..]].concat();
    [("whole", whole), ("torn", torn)]
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .to_vec()
}

/// First inputs of the fuzz target `seal_file`.
pub fn seal_seeds() -> Vec<(String, Vec<u8>)> {
    let (flight, device) = (
        SecretKey::from_bytes(&[3; 32]),
        SecretKey::from_bytes(&[4; 32]),
    );
    let end = |stream, last_segment| SealedStream {
        stream,
        last_segment,
        chain: Digest([7; 32]),
    };
    let streams = vec![end(Stream::Bulk, 17), end(Stream::Essential, 0)];
    let certificate = device.certify(IDENTITY.flight_id, flight.public());
    [("certified", Some(certificate)), ("without_device", None)]
        .map(|(name, certificate)| {
            let seal = Seal::new(IDENTITY.flight_id, streams.clone(), &flight, certificate);
            (name.to_owned(), serde_json::to_vec(&seal).unwrap())
        })
        .to_vec()
}

/// Every record type twice, a grown body, an unknown type, and numbers that are not finite.
fn every_type() -> Vec<u8> {
    let mut draw = bodies::seeded(0x6764_6672);
    let mut contents: Vec<(RecordType, Vec<u8>)> = Vec::new();
    for _ in 0..2 {
        for &record_type in RecordType::KNOWN {
            contents.push((record_type, bodies::body(record_type, &mut draw)));
        }
    }
    let mut grown = bodies::body(RecordType::TICK, &mut draw);
    grown.extend(b"a field of the future");
    contents.push((RecordType::TICK, grown));
    contents.push((RecordType(0x7F01), b"a type of the future".to_vec()));

    let odd = ImuTrace {
        time_ns: u64::MAX,
        specific_force_frd_mps2: [f64::from_bits(0x7FF8_DEAD_BEEF_0001), f64::INFINITY, -0.0],
        angular_rate_frd_radps: [5e-324, f64::MAX, f64::NEG_INFINITY],
    };
    let mut buffer = vec![0; 1024];
    let length = Record::from(odd).encode_body(&mut buffer).unwrap();
    contents.push((RecordType::IMU_TRACE, buffer[..length].to_vec()));
    segment(&contents)
}

fn small() -> Vec<u8> {
    let mut draw = bodies::seeded(7);
    let types = [
        RecordType::TICK,
        RecordType::LOG,
        RecordType::ATTITUDE,
        RecordType::IMU_TRACE,
    ];
    let contents: Vec<_> = (0..12)
        .map(|index| types[index % types.len()])
        .map(|record_type| (record_type, bodies::body(record_type, &mut draw)))
        .collect();
    segment(&contents)
}

/// One bit flipped in a body, one record cut out, and foreign bytes with a false start between two.
fn damaged(clean: &[u8]) -> Vec<u8> {
    let records: Vec<(usize, usize)> = SegmentReader::open(clean, None)
        .unwrap()
        .map(|record| record.unwrap())
        .map(|record| {
            (
                record.offset as usize,
                record.offset as usize + record.frame_length(),
            )
        })
        .collect();
    let mut flipped = clean.to_vec();
    flipped[records[3].0 + 30] ^= 0x20;
    let mut bytes = flipped[..records[5].0].to_vec();
    bytes.extend(&flipped[records[6].0..records[9].0]);
    bytes.extend(b"\x40\x00\x00\x00GFDR: this only looks like the start of a record");
    bytes.extend(&flipped[records[9].0..]);
    bytes
}

fn segment(contents: &[(RecordType, Vec<u8>)]) -> Vec<u8> {
    let types: Vec<TypeName<'_>> = RecordType::KNOWN
        .iter()
        .map(|&record_type| TypeName {
            record_type,
            name: record_type.name().unwrap(),
        })
        .collect();
    let header = SegmentHeader {
        time_ns: 60_000_000_000,
        flight_id: IDENTITY.flight_id,
        segment: IDENTITY.segment,
        boot_id: BootId(*b"a boot, one only"),
        compatible_features: 0,
        incompatible_features: 0,
        anchor_monotonic_ns: 1_000_000_000,
        anchor_unix_ns: Some(1_700_000_000_000_000_000),
        previous_chain: None,
        flight_key: None,
        device_key: None,
        certificate: None,
        core_version: 1,
        software_version: "golden",
        configuration: LongText("# a configuration\n"),
        record_types: List::new(&types),
    };
    let mut buffer = vec![0; 1 << 20];
    let (mut encoder, length) = SegmentEncoder::begin(&header, 4000, &mut buffer).unwrap();
    let mut bytes = buffer[..length].to_vec();
    let mut now = header.time_ns;
    for (record_type, body) in contents {
        now += 7_000_000;
        let record = Record::Unknown {
            record_type: *record_type,
            body: LongBytes(body),
        };
        let length = encoder
            .append(&record, encoder.next_sequence(), now, &mut buffer)
            .unwrap();
        bytes.extend(&buffer[..length]);
    }
    let mut summary = SegmentSummary::new(IDENTITY);
    summary.add(&bytes);
    let footer = FooterParameters {
        sequence: encoder.next_sequence(),
        monotonic_ns: now,
        last: false,
        previous_chain: Digest([0xC5; 32]),
    };
    let (length, _) = summary.footer(&footer, &mut buffer).unwrap();
    bytes.extend(&buffer[..length]);
    bytes
}
