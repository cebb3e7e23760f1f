//! Files that users name, read within bounds: what is too long, or has no end, is refused by its
//! size before it is read, and what is no file is never opened, so that nothing hangs.
//!
//! **Invariant:** every file whose name comes from outside is read through here. What is in it is
//! for others to say.

mod error;

pub use error::InputError;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Read as _, Take};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rustix::fs::OFlags;

/// What every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The most bytes that are read of a file, by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited, as in "of a body".
    pub what: &'static str,
    pub bytes: u64,
}

/// The limits there are.
impl Limit {
    pub const BODY: Self = Self::mib("a body", 16);
    pub const PLAN: Self = Self::mib("a plan file", 32);
    /// As long as a plan file.
    pub const JOB: Self = Self::mib("a job", 32);
    pub const PASSWORD: Self = Self::mib("a password file", 1);
    /// Of what is in it, too, where it is compressed.
    pub const ACCESS_LOG: Self = Self::mib("an access log", 256);
    pub const CERTIFICATES: Self = Self::mib("a file of certificates", 4);
    pub const KEY: Self = Self::mib("a key file", 4);
    pub const RECORD: Self = Self::mib("a record", 1 << 10);
    pub const EVIDENCE: Self = Self::mib("evidence", 1 << 10);
    /// A day of a hundred groups has less.
    pub const SPOOL: Self = Self::mib("a spool", 64 << 10);
    /// Of what a worker says; as much as a spool.
    pub const LINES: Self = Self::mib("a worker's lines", 64 << 10);
    pub const SUMMARY: Self = Self::mib("a summary", 1);

    const fn mib(what: &'static str, n: u64) -> Self {
        Self {
            what,
            bytes: n << 20,
        }
    }
}

/// Opens a file that is no longer than its limit, and reads no further than one byte beyond it.
pub fn open(path: &Path, limit: Limit) -> Result<Take<File>, InputError> {
    // Before it is opened, for opening a device may do something.
    check(&path.metadata()?, limit)?;
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)?;
    // It may be another one by now.
    check(&file.metadata()?, limit)?;
    Ok(file.take(limit.bytes + 1))
}

/// The whole of a file.
pub fn read(path: &Path, limit: Limit) -> Result<Vec<u8>, InputError> {
    let mut from = open(path, limit)?;
    let mut bytes = Vec::with_capacity(from.get_ref().metadata()?.len() as usize);
    from.read_to_end(&mut bytes)?;
    // A file may grow, and those in /proc do not tell their length.
    if bytes.len() as u64 > limit.bytes {
        return Err(InputError::TooLong { bytes: None, limit });
    }
    Ok(bytes)
}

/// The same of a file of text.
pub fn read_text(path: &Path, limit: Limit) -> Result<String, InputError> {
    String::from_utf8(read(path, limit)?).map_err(|_| InputError::NoText)
}

/// What is in a file that may be compressed by gzip, as its first bytes say; as it is where not.
/// No more is unpacked than the limit allows.
pub fn unpacked(bytes: Vec<u8>, limit: Limit) -> Result<Vec<u8>, InputError> {
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    // Several may stand one behind the other, as `cat` makes of rotated logs.
    let mut from = MultiGzDecoder::new(&*bytes).take(limit.bytes + 1);
    from.read_to_end(&mut plain)
        .map_err(|reason| InputError::NoGzip(reason.to_string()))?;
    if plain.len() as u64 > limit.bytes {
        return Err(InputError::TooLong { bytes: None, limit });
    }
    Ok(plain)
}

fn check(found: &Metadata, limit: Limit) -> Result<(), InputError> {
    if !found.is_file() {
        return Err(InputError::NoFile(error::kind(found.file_type())));
    }
    if found.len() > limit.bytes {
        let bytes = Some(found.len());
        return Err(InputError::TooLong { bytes, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limit = Limit::mib("a test", 1);

    fn refused(path: &Path, limit: Limit) -> String {
        read(path, limit).expect_err("refused").to_string()
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_refused_by_size_beyond_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, vec![b'x'; 1 << 20]).expect("written");
        assert_eq!(read(&path, SMALL).expect("read").len(), 1 << 20);
        // A sparse one: 2 GiB that nobody has to read to know.
        File::create(&path)
            .and_then(|file| file.set_len(2 << 30))
            .expect("sparse");
        assert_eq!(
            refused(&path, SMALL),
            "its 2,147,483,648 bytes are more than the 1 MiB of a test"
        );
    }

    #[test]
    fn what_is_no_file_is_refused_without_being_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("a pipe");
        for (path, kind) in [
            (Path::new("/dev/zero"), "a device"),
            (&pipe, "a pipe"),
            (folder.path(), "a folder"),
        ] {
            let message = refused(path, SMALL);
            assert_eq!(message, format!("it is {kind} and no file"));
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        to.write_all(bytes).expect("written");
        to.finish().expect("written")
    }

    #[test]
    fn what_is_compressed_is_unpacked_within_its_limit() {
        assert_eq!(
            unpacked(b"plain".to_vec(), SMALL).expect("as it is"),
            b"plain"
        );
        let twice = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(unpacked(twice, SMALL).expect("both"), b"one two");
        let full = gzip(&vec![0; 1 << 20]);
        assert_eq!(unpacked(full, SMALL).expect("as much").len(), 1 << 20);
        let bomb = gzip(&vec![0; (1 << 20) + 1]);
        let error = unpacked(bomb, SMALL).expect_err("too long").to_string();
        assert_eq!(error, "it has more than the 1 MiB of a test");
        let mut cut = gzip(b"some text");
        cut.truncate(15);
        let error = unpacked(cut, SMALL).expect_err("no end").to_string();
        assert!(error.contains("gzip"), "{error}");
    }

    #[test]
    fn a_file_that_does_not_tell_its_length_is_read_all_the_same() {
        let status = read_text(Path::new("/proc/self/status"), SMALL).expect("read");
        assert!(status.contains("VmHWM"), "{status}");
    }

    #[test]
    fn bytes_are_no_text() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), [0xff, 0xfe]).expect("written");
        let error = read_text(file.path(), SMALL).expect_err("no text");
        assert_eq!(error.to_string(), "it is no UTF-8 text");
    }
}
