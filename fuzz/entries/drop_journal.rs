//! Any bytes as `drops.log`: whole lines are read and written back unchanged, the rest is counted.

use fdr_format::{DropLine, DropLog};

/// Reads the bytes as they are, and again with the checksum of each line made right, so that the search for
/// inputs is not stopped by 32 bits that it cannot guess.
pub fn check(input: &[u8]) {
    read(input);
    read(&with_valid_checksums(input));
}

fn read(bytes: &[u8]) {
    let log = DropLog::parse(bytes);
    assert!(log.whole_bytes <= bytes.len());
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    assert!(
        log.lines.len() + log.damaged <= ends,
        "each stands on a line of its own"
    );
    let written: String = log.lines.iter().map(DropLine::encode).collect();
    let again = DropLog::parse(written.as_bytes());
    assert_eq!(again.lines, log.lines);
    assert_eq!((again.torn, again.damaged), (false, 0));
    assert_eq!(again.whole_bytes, written.len());
    // A journal that is continued behind its whole lines keeps them.
    let kept = DropLog::parse(&bytes[..log.whole_bytes]);
    assert_eq!((kept.lines, kept.torn), (log.lines, false));
}

/// The same lines, each with the checksum that its content asks for.
fn with_valid_checksums(input: &[u8]) -> Vec<u8> {
    const CHECK: &[u8] = b",\"crc32\":\"";
    let mut bytes = Vec::new();
    for line in input.split(|&byte| byte == b'\n') {
        let check = line.windows(CHECK.len()).rposition(|part| part == CHECK);
        let content = &line[..check.unwrap_or(line.len())];
        bytes.extend(content);
        bytes.extend(CHECK);
        bytes.extend(format!("{:08x}\"}}\n", crc32fast::hash(content)).bytes());
    }
    bytes
}
