//! What a file is, told from its first bytes: so that what can't be read is called by its name.

use std::fmt;

/// As many first bytes of a file tell what it is.
pub(crate) const HEAD: usize = 1024;

/// A kind of file, with its article: `a film (MP4)`, `an HTML page`, `a Git LFS pointer`, `a PNG image`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// A still picture.
    Image(&'static str),
    /// Anything else.
    Other(&'static str),
}

use Signature::{Image, Other};

impl Signature {
    /// A TIFF image.
    pub(crate) const TIFF: Self = Image("a TIFF image");
    /// A JPEG 2000 image.
    pub(crate) const JPEG_2000: Self = Image("a JPEG 2000 image");

    /// What a file that begins with `bytes` is, if that can be told; [`HEAD`] bytes are enough.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let head = &bytes[..bytes.len().min(HEAD)];
        if head.is_empty() {
            return Some(Other("an empty file"));
        }
        in_place(head).or_else(|| container(head)).or_else(|| text(head)).or_else(|| zeros(bytes))
    }

    /// Whether it is a still picture.
    pub(crate) fn is_image(self) -> bool {
        matches!(self, Image(_))
    }

    /// The kind with its article.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Image(name) | Other(name) => name,
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where which bytes stand in a kind of file. The first that fits counts.
const TABLE: &[(usize, &[u8], Signature)] = &[
    (0, b"\x89PNG\r\n\x1a\n", Image("a PNG image")),
    (0, b"\xff\xd8\xff", Image("a JPEG image")),
    (0, b"GIF8", Image("a GIF image")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Signature::JPEG_2000),
    (0, b"\xff\x4f\xff\x51", Signature::JPEG_2000),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Image("a JPEG XL image")),
    (0, b"\xff\x0a", Image("a JPEG XL image")),
    (0, b"8BPS", Image("a Photoshop image")),
    (0, b"gimp xcf", Image("a GIMP image")),
    (0, b"\x76\x2f\x31\x01", Image("an OpenEXR image")),
    (0, b"#?RADIANCE", Image("a Radiance image")),
    (0, b"#?RGBE", Image("a Radiance image")),
    (0, b"DDS ", Image("a DirectDraw image")),
    (0, b"SIMPLE  =", Image("a FITS image")),
    (128, b"DICM", Image("a DICOM image")),
    (0, b"AT&TFORM", Image("a DjVu document")),
    // Cameras' raw files; some look like TIFF.
    (8, b"CR\x02", Image("a raw image of a camera (CR2)")),
    (6, b"HEAPCCDR", Image("a raw image of a camera (CRW)")),
    (0, b"FUJIFILMCCD-RAW", Image("a raw image of a camera (RAF)")),
    (0, b"IIRO", Image("a raw image of a camera (ORF)")),
    (0, b"IIRS", Image("a raw image of a camera (ORF)")),
    (0, b"MMOR", Image("a raw image of a camera (ORF)")),
    (0, b"IIU\0", Image("a raw image of a camera (RW2)")),
    (0, b"\0MRM", Image("a raw image of a camera (MRW)")),
    (0, b"FOVb", Image("a raw image of a camera (X3F)")),
    (0, b"II*\0", Signature::TIFF),
    (0, b"MM\0*", Signature::TIFF),
    (0, b"II+\0", Signature::TIFF),
    (0, b"MM\0+", Signature::TIFF),
    // Films and sounds.
    (0, b"FLV\x01", Other("a film (FLV)")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Other("a film (WMV)")),
    (0, b"\0\0\x01\xba", Other("a film (MPEG)")),
    (0, b"\0\0\x01\xb3", Other("a film (MPEG)")),
    (0, b"OggS", Other("a film or sound (Ogg)")),
    (0, b"ID3", Other("a sound (MP3)")),
    (0, b"fLaC", Other("a sound (FLAC)")),
    // Archives.
    (0, b"PK\x03\x04", Other("a zip archive")),
    (0, b"PK\x05\x06", Other("an empty zip archive")),
    (0, b"\x1f\x8b", Other("a gzip archive")),
    (0, b"BZh", Other("a bzip2 archive")),
    (0, b"\xfd7zXZ\0", Other("an xz archive")),
    (0, b"\x28\xb5\x2f\xfd", Other("a zstd archive")),
    (0, b"7z\xbc\xaf\x27\x1c", Other("a 7z archive")),
    (0, b"Rar!\x1a\x07", Other("a rar archive")),
    (257, b"ustar", Other("a tar archive")),
    // Other things that lie about.
    (0, b"%!PS", Other("a PostScript document")),
    (0, b"{\\rtf", Other("an RTF document")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Other("a document of Microsoft Office")),
    (0, b"SQLite format 3\0", Other("a database (SQLite)")),
    (0, b"\x89HDF\r\n\x1a\n", Other("an HDF5 file")),
    (0, b"\x93NUMPY", Other("a NumPy array")),
    (0, b"\x7fELF", Other("a program")),
    (0, b"MZ\x90\0", Other("a program")),
    (0, b"\0\x05\x16\x07", Other("an AppleDouble file of macOS")),
    (0, b"bplist00", Other("a property list of macOS")),
    (0, b"L\0\0\0\x01\x14\x02\0", Other("a shortcut of Windows")),
];

fn in_place(head: &[u8]) -> Option<Signature> {
    let fits = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    TABLE.iter().find(|(at, bytes, _)| fits(*at, bytes)).map(|(.., kind)| *kind)
}

/// Kinds that hold others: their first bytes say too little.
fn container(head: &[u8]) -> Option<Signature> {
    let at = |place: usize| head.get(place..place + 4).unwrap_or_default();
    match (at(0), at(4)) {
        (_, b"ftyp") => Some(iso_media(head)),
        (_, b"moov" | b"mdat" | b"wide" | b"pnot") => Some(Other("a film (MOV)")),
        (b"RIFF", _) if at(8) == b"WEBP" => Some(Image("a WebP image")),
        (b"RIFF", _) if at(8) == b"AVI " => Some(Other("a film (AVI)")),
        (b"RIFF", _) if at(8) == b"WAVE" => Some(Other("a sound (WAV)")),
        (b"\x1a\x45\xdf\xa3", _) if contains(head, b"webm") => Some(Other("a film (WebM)")),
        (b"\x1a\x45\xdf\xa3", _) => Some(Other("a film (Matroska)")),
        _ if [0, 188, 376].iter().all(|place| head.get(*place) == Some(&0x47)) => {
            Some(Other("a film (MPEG)"))
        }
        _ if contains(head, b"%PDF-") => Some(Other("a PDF document")),
        _ => None,
    }
}

/// Files of ISO 14496-12 say their brand, and others that they are compatible with, in their first box.
fn iso_media(head: &[u8]) -> Signature {
    let size = head[..4].iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
    let brands = head.get(8..size.clamp(8, head.len())).unwrap_or_default().chunks_exact(4);
    let has = |wanted: &[&[u8]]| brands.clone().any(|brand| wanted.contains(&brand));
    match head.get(8..12).unwrap_or_default() {
        b"crx " => Image("a raw image of a camera (CR3)"),
        b"qt  " => Other("a film (MOV)"),
        [b'3', b'g', ..] => Other("a film (3GP)"),
        b"M4A " | b"M4B " => Other("a sound (M4A)"),
        _ if has(&[b"avif", b"avis"]) => Image("an AVIF image"),
        _ if has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) => {
            Image("a HEIC image")
        }
        _ => Other("a film (MP4)"),
    }
}

/// Kinds of text, after blanks and a byte-order mark.
fn text(head: &[u8]) -> Option<Signature> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start().to_ascii_lowercase();
    let starts = |with: &str| text.starts_with(with.as_bytes());
    let tells = |word: &str| contains(&text, word.as_bytes());
    if starts("version https://git-lfs.github.com/spec/") {
        return Some(Other("a Git LFS pointer"));
    }
    if starts("/annex/objects/") || (starts("../") && tells("/annex/objects/")) {
        return Some(Other("a git-annex pointer"));
    }
    let is_markup = ["<!doctype", "<?xml", "<!--", "<html", "<head", "<body", "<svg"].into_iter().any(starts);
    match () {
        () if is_markup && tells("<svg") && !tells("<html") => Some(Image("an SVG drawing")),
        () if is_markup && !starts("<?xml") && !starts("<!--") => Some(Other("an HTML page")),
        () if is_markup && (tells("<html") || tells("<!doctype html")) => Some(Other("an HTML page")),
        () if starts("<?xml") => Some(Other("an XML document")),
        () if is_json(&text) => Some(Other("a JSON text")),
        () => None,
    }
}

fn is_json(text: &[u8]) -> bool {
    let object = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start().strip_prefix(b"{");
    object.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
}

/// A download, or a disk, that failed leaves files of the right length without content.
fn zeros(bytes: &[u8]) -> Option<Signature> {
    bytes.iter().all(|byte| *byte == 0).then_some(Other("a file of nothing but zeros"))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_are_called_by_their_names() {
        let tar = [&[b'x'; 257][..], b"ustar"].concat();
        let transport = [&b"G"[..], &[1; 187]].concat().repeat(3);
        for (bytes, name) in [
            (&b""[..], "an empty file"),
            (b"\0\0\0\x18ftypmp42", "a film (MP4)"),
            (b"\0\0\0\x14ftypisom\0\0\x02\0mp41", "a film (MP4)"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "a film (MOV)"),
            (b"\0\0\0\x08wide\0\0\x01\0mdat", "a film (MOV)"),
            (b"\0\0\0\x14ftyp3gp5\0\0\0\0", "a film (3GP)"),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "a film (WebM)"),
            (b"\x1a\x45\xdf\xa3\x9fB\x82\x88matroska", "a film (Matroska)"),
            (b"RIFF\x10\0\0\0AVI LIST", "a film (AVI)"),
            (&transport, "a film (MPEG)"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC image"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC image"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "an AVIF image"),
            (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF image"),
            (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a raw image of a camera (CR3)"),
            (b"II*\0\x10\0\0\0CR\x02\0", "a raw image of a camera (CR2)"),
            (b"II*\0\x08\0\0\0", "a TIFF image"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP image"),
            (b"junk before %PDF-1.7", "a PDF document"),
            (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", "an HTML page"),
            (b"<HTML><body>Sign in<svg></svg>", "an HTML page"),
            (b"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC", "an HTML page"),
            (b"<!-- by a tool --><svg xmlns=\"\">", "an SVG drawing"),
            (b"<?xml version=\"1.0\"?><svg>", "an SVG drawing"),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied", "an XML document"),
            (b"{\"error\": \"not found\"}", "a JSON text"),
            (b"[\n  {\n  \"a\": 1}]", "a JSON text"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12\n",
                "a Git LFS pointer",
            ),
            (b"/annex/objects/SHA256E-s1--aa.png\n", "a git-annex pointer"),
            (b"PK\x03\x04\x14\0", "a zip archive"),
            (&tar, "a tar archive"),
            (&[0; 3000], "a file of nothing but zeros"),
        ] {
            let found = Signature::of(bytes).map(Signature::name);
            assert_eq!(found, Some(name), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(Signature::of(b"\0\0\0\x18ftypheic").is_some_and(Signature::is_image));
        assert!(!Signature::of(b"\0\0\0\x18ftypmp42").is_some_and(Signature::is_image));
    }

    #[test]
    fn what_is_unknown_has_no_name() {
        for bytes in [&b"no image"[..], b"<", b"PK", b"{}", b"\0\0\0\x18fty", b"G", b"\0\x01"] {
            assert_eq!(Signature::of(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_come(start in prop::sample::select(TABLE), rest: Vec<u8>, cut in 0_usize..12) {
            let bytes = [start.1, &rest[..]].concat();
            Signature::of(&bytes[cut.min(bytes.len())..]);
            Signature::of(&[b"\0\0\0\x18ftyp", &rest[..]].concat()[..]);
        }
    }
}
