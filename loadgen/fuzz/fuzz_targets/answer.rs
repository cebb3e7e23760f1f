//! An answer from a hostile server, cut at two places: it must not matter where, and never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use loadgen::transport::http1::{Decoder, ProtocolError, Step};
use loadgen::transport::{Answer, Watch};

fn decode(pieces: &[&[u8]]) -> Result<Option<Answer>, ProtocolError> {
    let watch = Watch { name_header: Some("x-name".into()) };
    let mut decoder = Decoder::new("GET", watch);
    decoder.begin();
    let mut unused = Vec::new();
    for piece in pieces {
        unused.extend_from_slice(piece);
        if unused.is_empty() {
            continue;
        }
        match decoder.decode(&unused)? {
            Step::More(used) => drop(unused.drain(..used)),
            Step::Done(answer) => {
                let _ = loadgen::engine::name_in(decoder.short_body());
                return Ok(Some(answer));
            }
        }
    }
    Ok(decoder.end())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let cut = usize::from(cut).min(bytes.len());
    let whole = decode(&[bytes]);
    let cut = decode(&[&bytes[..cut], &bytes[cut..]]);
    // Bytes after the answer are an error only when they come with it: the connection finds those
    // that come later when it is idle.
    if whole.is_ok() {
        assert_eq!(whole, cut);
    }
});
