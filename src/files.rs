//! Files of a user's: opened only if they are regular files, read only up to a limit.

use std::{
    fs::{self, File, FileType, Metadata},
    io::{self, Read as _},
    path::Path,
};

/// The most that a text such as a pipeline file or a list may have, in bytes.
pub(crate) const TEXT_LIMIT: u64 = 16 << 20;

/// Opens a regular file (through links) for reading. Never waits for the other end of a pipe, and never opens a
/// device.
///
/// # Errors
/// Of kind invalid input, with words for a person, when it is no regular file; as the system says otherwise.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    opened(path).map(|(file, _)| file)
}

/// As [`open`], with what the system says of the open file.
///
/// # Errors
/// As [`open`].
pub(crate) fn opened(path: &Path) -> io::Result<(File, Metadata)> {
    // Opening some devices does something; a pipe put there between the two looks is opened without waiting.
    must_be_regular(&fs::metadata(path)?)?;
    let file = without_waiting(File::options().read(true)).open(path)?;
    let metadata = file.metadata()?;
    must_be_regular(&metadata)?;
    Ok((file, metadata))
}

/// All bytes of a regular file.
///
/// # Errors
/// As [`open`]; of kind file too large when there are more than `limit` bytes, even if they came while reading.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, metadata) = opened(path)?;
    let size = metadata.len();
    let mut bytes = Vec::new();
    if size <= limit {
        bytes.try_reserve_exact(size as usize + 1).map_err(io::Error::other)?;
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if size.max(bytes.len() as u64) > limit {
        let message = format!("it has {size} bytes, and no more than {limit} are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// The text of a regular file of at most [`TEXT_LIMIT`] bytes, without a byte-order mark.
///
/// # Errors
/// As [`read`]; of kind invalid data when it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let text = String::from_utf8(read(path, TEXT_LIMIT)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8: {error}")))?;
    Ok(without_mark(text))
}

/// A text without a byte-order mark at its start.
pub(crate) fn without_mark(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    text
}

/// How many bytes may still be written to the disk that `folder` is on, if the system tells.
#[cfg(unix)]
pub(crate) fn free_space(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// How many bytes may still be written to the disk that `folder` is on, if the system tells.
#[cfg(not(unix))]
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

fn must_be_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let message = format!("it is {}, not a regular file", what(metadata.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

#[cfg(unix)]
fn what(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match kind {
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    }
}

#[cfg(not(unix))]
fn what(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "something else" }
}

#[cfg(unix)]
fn without_waiting(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.custom_flags(libc::O_NONBLOCK)
}

#[cfg(not(unix))]
fn without_waiting(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(open(&dir.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(open(dir.path()).unwrap_err().to_string(), "it is a folder, not a regular file");
        assert_eq!(
            open(Path::new("/dev/null")).unwrap_err().to_string(),
            "it is a device, not a regular file"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_told_at_once_and_links_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe.png");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let link = dir.path().join("link.png");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link] {
            assert_eq!(open(path).unwrap_err().to_string(), "it is a named pipe, not a regular file");
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, "x").unwrap();
        assert_eq!(read(&link, 1).unwrap(), b"x");
    }

    #[cfg(unix)]
    #[test]
    fn a_disk_tells_its_free_space() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(dir.path()).is_some());
        assert_eq!(free_space(&dir.path().join("none")), None);
    }

    #[test]
    fn limits_and_marks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        fs::write(&path, "\u{feff}ab").unwrap();
        assert_eq!(read_text(&path).unwrap(), "ab");
        assert_eq!(read(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(&path, 5).unwrap().len(), 5);
        fs::write(&path, b"\xff\xfe").unwrap();
        assert_eq!(read_text(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
