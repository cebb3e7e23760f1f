//! Answers from a hostile server, to GET and to HEAD, cut anywhere: it must not matter where.
#![no_main]

use libfuzzer_sys::{arbitrary, fuzz_target};
use loadgen::transport::http1::{Decoder, ProtocolError, Step};
use loadgen::model::NameSource;
use loadgen::transport::{After, Answer};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    head: bool,
    cuts: [u8; 3],
    bytes: &'a [u8],
}

/// What can be read of an answer: itself, its header and its body.
type Read = (Answer, Vec<u8>, Vec<u8>);

/// Decodes as a connection does: what was not used up is given again, with more.
fn decode(method: &str, pieces: &[&[u8]]) -> Result<Option<Read>, ProtocolError> {
    let mut decoder = Decoder::new(method, NameSource::Header("x-name".into()));
    decoder.begin();
    let mut unused = Vec::new();
    let mut answer = None;
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        unused.extend_from_slice(piece);
        match decoder.decode(&unused)? {
            Step::More(used) => drop(unused.drain(..used)),
            Step::Done(done) => {
                answer = Some(done);
                break;
            }
        }
    }
    let answer = answer.or_else(|| decoder.end());
    let _ = loadgen::engine::name_in(decoder.short_body());
    Ok(answer.map(|answer| {
        (answer, decoder.named_header().to_vec(), decoder.short_body().to_vec())
    }))
}

fuzz_target!(|input: Input| {
    let method = if input.head { "HEAD" } else { "GET" };
    let bytes = input.bytes;
    let whole = decode(method, &[bytes]);
    let mut cuts = input.cuts.map(|cut| usize::from(cut).min(bytes.len()));
    cuts.sort_unstable();
    let [a, b, c] = cuts;
    let cut = decode(method, &[&bytes[..a], &bytes[a..b], &bytes[b..c], &bytes[c..]]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    let single = decode(method, &single);
    // Bytes behind the answer are seen only when they come with it: the connection finds those that
    // come later when it is idle.
    if matches!(&whole, Ok(Some((answer, ..))) if answer.after == After::Surplus) {
        assert!(cut.is_ok() && single.is_ok());
        return;
    }
    assert_eq!(whole.is_ok(), cut.is_ok());
    assert_eq!(whole.is_ok(), single.is_ok());
    if whole.is_ok() {
        assert_eq!(whole, cut);
        assert_eq!(whole, single);
    }
});
