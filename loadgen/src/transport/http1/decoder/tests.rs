//! What the decoder takes, what it refuses, and that it never matters how bytes are cut.

use super::*;
use proptest::prelude::*;

/// Decodes as a connection does: unused bytes are given again, with more.
fn decode(method: &str, pieces: &[&[u8]]) -> Result<(Option<Answer>, String), ProtocolError> {
    let names = NameSource::Header("x-name".into());
    let mut decoder = Decoder::new(method, names);
    decoder.begin();
    let mut unused: Vec<u8> = Vec::new();
    for piece in pieces {
        unused.extend_from_slice(piece);
        match decoder.decode(&unused)? {
            Step::More(used) => drop(unused.drain(..used)),
            Step::Done(answer) => return Ok((Some(answer), text(&decoder))),
        }
    }
    Ok((decoder.end(), text(&decoder)))
}

fn text(decoder: &Decoder) -> String {
    let name = String::from_utf8_lossy(decoder.named_header()).into_owned();
    format!("{name}|{}", String::from_utf8_lossy(decoder.short_body()))
}

fn after(answer: &[u8]) -> Result<Option<(u16, After)>, ProtocolError> {
    let decoded = decode("GET", &[answer]);
    decoded.map(|(answer, _)| answer.map(|answer| (answer.status, answer.after)))
}

fn status(answer: &[u8]) -> Result<Option<(u16, bool)>, ProtocolError> {
    let reusable = |(status, after)| (status, after == After::Reuse);
    after(answer).map(|answer| answer.map(reusable))
}

#[test]
fn every_way_to_delimit_a_body_is_understood() {
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            Some((200, true)),
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", None),
        ("HTTP/1.1 204 No Content\r\n\r\n", Some((204, true))),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            Some((304, true)),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            Some((200, true)),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nT: x\r\n\r\n",
            Some((200, true)),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n",
            None,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nuntil close", Some((200, false))),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            Some((200, false)),
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
            Some((200, true)),
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n",
            Some((200, false)),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            Some((500, true)),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n",
            Some((200, false)),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            Some((200, true)),
        ),
        // No chunks were promised by HTTP/1.0, whatever it says of the connection.
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Some((200, false)),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0A\r\n0123456789\r\n000\r\n\r\n",
            Some((200, true)),
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 0\r\n\r\n",
            Some((200, false)),
        ),
        (
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            Some((204, true)),
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
            Some((200, true)),
        ),
    ] {
        assert_eq!(status(answer.as_bytes()), Ok(expected), "{answer}");
    }
}

#[test]
fn what_is_unusual_and_legal_is_taken() {
    for answer in [
        // A user agent takes a folded line (RFC 9112, section 5.2).
        "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ;a=\"b;c\"\r\nhi\r\n0\r\nT: x\r\nU: y\r\n\r\n",
    ] {
        let taken = Ok(Some((200, true)));
        assert_eq!(status(answer.as_bytes()), taken, "{answer}");
    }
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    let (answer, _) =
        decode("HEAD", &[b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]).expect("valid");
    assert_eq!(answer.map(|answer| answer.status), Some(200));
}

#[test]
fn what_is_no_answer_is_refused_by_name() {
    use ProtocolError as E;
    for (answer, error) in [
        ("SSH-2.0-OpenSSH\r\n", E::Head(httparse::Error::Version)),
        ("HTTP/1.1 101 Switching\r\n\r\n", E::Status(101)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
            E::Length,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n", E::Length),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            E::Length,
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", E::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n", E::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n", E::Length),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2,\r\n\r\n", E::Length),
        ("HTTP/1.1 099 Low\r\n\r\n", E::Status(99)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n",
            E::Chunk,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            E::Encoding,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n",
            E::BodyTooLong,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            E::Encoding,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            E::Chunk,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n",
            E::Chunk,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
            E::Chunk,
        ),
    ] {
        assert_eq!(status(answer.as_bytes()), Err(error), "{answer}");
    }
}

#[test]
fn bytes_behind_an_answer_end_the_connection_and_not_the_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP",
    ] {
        let surplus = Ok(Some((200, After::Surplus)));
        assert_eq!(after(answer.as_bytes()), surplus, "{answer}");
    }
    // Who ends it: the server, where it said so.
    let closes = "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n!";
    assert_eq!(after(closes.as_bytes()), Ok(Some((204, After::PeerCloses))));
    let doubtful =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n";
    assert_eq!(after(doubtful.as_bytes()), Ok(Some((200, After::LetGo))));
}

#[test]
fn a_head_may_be_long_and_a_folded_name_has_no_line_in_it() {
    let lines = "X: y\r\n".repeat(MOST_HEADERS - 1);
    let many = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
    assert_eq!(status(many.as_bytes()), Ok(Some((200, true))));
    let long = format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 2\r\n\r\nhi",
        "x".repeat(200_000)
    );
    assert_eq!(status(long.as_bytes()), Ok(Some((200, true))));
    let pieces: Vec<_> = long.as_bytes().chunks(1_000).collect();
    let (answer, _) = decode("GET", &pieces).expect("valid");
    assert_eq!(answer.map(|answer| answer.status), Some(200));
    let folded = b"HTTP/1.1 200 OK\r\nX-Name: a\r\n\tb\r\nContent-Length: 0\r\n\r\n";
    let (_, names) = decode("GET", &[folded]).expect("valid");
    assert!(
        names.starts_with('a') && !names.contains(['\r', '\n']),
        "{names:?}"
    );
}

#[test]
fn what_does_not_end_is_cut_off() {
    use ProtocolError as E;
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MOST_HEAD));
    assert_eq!(status(endless.as_bytes()), Err(E::HeadTooLong));
    let ended = format!("{endless}\r\n\r\n");
    assert_eq!(status(ended.as_bytes()), Err(E::HeadTooLong));
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "X: y\r\n".repeat(MOST_HEADERS + 1)
    );
    let too_many = E::Head(httparse::Error::TooManyHeaders);
    assert_eq!(status(many.as_bytes()), Err(too_many));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20);
    assert_eq!(status(interim.as_bytes()), Err(E::Status(100)));
    let extension = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}",
        "x".repeat(9_999)
    );
    assert_eq!(status(extension.as_bytes()), Err(E::Chunk));
    let trailers = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}",
        "A: b\r\n".repeat(4_000)
    );
    assert_eq!(status(trailers.as_bytes()), Err(E::Chunk));
}

#[test]
fn no_way_to_delimit_a_body_gets_around_its_limit() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    // A chunk that could never be read is refused by its size, not after the fact.
    let one = format!("{chunked}100000001\r\n");
    assert_eq!(status(one.as_bytes()), Err(ProtocolError::BodyTooLong));
    let largest = format!("{chunked}100000000\r\n");
    assert_eq!(status(largest.as_bytes()), Ok(None));
    let two = format!("{chunked}1\r\na\r\n100000000\r\n");
    assert_eq!(status(two.as_bytes()), Err(ProtocolError::BodyTooLong));

    let mut decoder = Decoder::new("GET", NameSource::Body);
    decoder.begin();
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(decoder.decode(head), Ok(Step::More(head.len())));
    decoder.body = MOST_BODY - 1;
    assert_eq!(decoder.decode(b"a"), Ok(Step::More(1)));
    assert_eq!(decoder.decode(b"b"), Err(ProtocolError::BodyTooLong));
}

#[test]
fn a_decoder_forgets_one_answer_before_the_next() {
    let names = NameSource::Header("x-name".into());
    let mut decoder = Decoder::new("GET", names);
    let answers = [
        (&b"HTTP/1.1 200 OK\r\nX-Name: one\r\nX-Upstream: a, b\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: z\r\n\r\n"[..], 2, false, "one|abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nd", 0, true, "|d"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0, true, "|"),
    ];
    for (bytes, tries, reusable, names) in answers {
        decoder.begin();
        let Ok(Step::Done(answer)) = decoder.decode(bytes) else {
            panic!("no answer: {}", String::from_utf8_lossy(bytes));
        };
        let reused = answer.after == After::Reuse;
        assert_eq!((answer.tries, reused), (tries, reusable));
        assert_eq!(text(&decoder), names);
    }
}

#[test]
fn names_are_kept_and_long_bodies_are_not() {
    let answer =
        b"HTTP/1.1 200 OK\r\nX-Name: one\r\nX-Upstream: a, b\r\nContent-Length: 5\r\n\r\n\"two\"";
    let (answer, names) = decode("GET", &[answer]).expect("valid");
    assert_eq!(answer.map(|answer| answer.tries), Some(2));
    assert_eq!(names, "one|\"two\"");
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}",
        "x".repeat(200)
    );
    assert_eq!(decode("GET", &[long.as_bytes()]).expect("valid").1, "|");
}

proptest! {
    #[test]
    fn it_never_matters_how_bytes_are_cut(cuts in prop::collection::vec(0_usize..140, 0..6), kind in 0_usize..5) {
        let answer: &[u8] = [
            &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Name: n\r\nContent-Length: 11\r\n\r\nhello world"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n",
            b"HTTP/1.0 404 Not Found\r\nX-Name: n\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n!\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ][kind];
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(answer.len())).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &answer[cut[0]..cut[1]]).collect();
        prop_assert_eq!(decode("GET", &pieces), decode("GET", &[answer]));
        let bytes: Vec<_> = answer.chunks(1).collect();
        prop_assert_eq!(decode("GET", &bytes), decode("GET", &[answer]));
    }

    #[test]
    fn any_body_in_any_chunks_is_read_to_its_last_byte(
        body in prop::collection::vec(any::<u8>(), 0..300), sizes in prop::collection::vec(1_usize..40, 1..9),
        cuts in prop::collection::vec(0_usize..900, 0..6), trailer: bool,
    ) {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let (mut rest, mut sizes) = (&body[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rest.len().min(sizes.next().copied().unwrap_or(1)));
            answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
            answer.extend_from_slice(chunk);
            answer.extend_from_slice(b"\r\n");
            rest = after;
        }
        answer.extend_from_slice(if trailer { b"0\r\nT: x\r\n\r\n" } else { b"0\r\n\r\n" });
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(answer.len())).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &answer[cut[0]..cut[1]]).collect();
        let (read, names) = decode("GET", &pieces).expect("valid");
        prop_assert!(read.is_some_and(|answer| answer.after == After::Reuse));
        let kept = if body.len() > KEPT { String::new() } else { String::from_utf8_lossy(&body).into_owned() };
        prop_assert_eq!(names, format!("|{kept}"));
        // Less its last byte it is not whole.
        let short = decode("GET", &[&answer[..answer.len() - 1]]).expect("valid so far");
        prop_assert_eq!(short.0, None);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), tail: bool) {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let bytes = if tail { [&head[..], &bytes].concat() } else { bytes };
        let _ = decode("GET", &[&bytes]);
    }
}
