//! What systems and other programs keep among a person's images, and nobody means to train on: the one list.

/// Folders and files by their whole name; capitals don't count.
const NAMES: [&str; 18] = [
    // Windows.
    "$recycle.bin",
    "system volume information",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    // macOS, in archives and on servers.
    "__macosx",
    "network trash folder",
    "temporary items",
    // Linux.
    "lost+found",
    // Synology.
    "@eadir",
    "@tmp",
    "@sharebin",
    // Synology, Asustor, TerraMaster: waste and snapshots.
    "#recycle",
    "#snapshot",
    // QNAP.
    "@recycle",
    "@recently-snapshot",
    // NetApp.
    "~snapshot",
    // Python.
    "__pycache__",
];

/// Files by the start of their name: thumbnails that Synology makes.
const STARTS: [&str; 3] = ["synophoto_thumb_", "synofile_thumb_", "synoindex_media_"];

/// Whether a file or folder of this name is no part of a dataset or of a folder to predict: it is hidden (`.git`,
/// `._1.png`, `.Trash-1000`, `.ipynb_checkpoints`), or the system's or a program's own.
pub fn is_left_out(name: &str) -> bool {
    let is_listed = |name: &str| {
        NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
            || STARTS.iter().any(|start| {
                name.as_bytes()
                    .get(..start.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
            })
    };
    // Capitals of other alphabets, some of which have small letters of ours.
    name.starts_with('.') || is_listed(name) || (!name.is_ascii() && is_listed(&name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systems_keep_is_told_from_classes() {
        for name in [
            "@eaDir",
            "$RECYCLE.BIN",
            "$Recycle.Bin",
            "System Volume Information",
            ".Trash-1000",
            ".Trashes",
            "lost+found",
            "#recycle",
            "@Recycle",
            "__MACOSX",
            ".ipynb_checkpoints",
            "Thumbs.db",
            "._x.jpg",
            ".@__thumb",
            "SYNOPHOTO_THUMB_M.jpg",
        ] {
            assert!(is_left_out(name), "{name}");
        }
        for name in
            ["recycle", "trash", "@", "#1", "$100", "~", "found", "thumb", "_x.jpg", "snapshot", "cat"]
        {
            assert!(!is_left_out(name), "{name}");
        }
    }
}
