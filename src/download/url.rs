//! Where a file may come from.

use std::fmt;

use ureq::http::Uri;

use crate::error::{Error, Result};

/// Machines that nobody else can speak for: what is fetched there needs no https.
const LOCAL: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// An https URL, or an http URL of this very machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    local: bool,
}

impl Url {
    /// Whether a text is meant as a URL rather than a path.
    pub fn is_meant_by(text: &str) -> bool {
        text.contains("://")
    }

    /// Reads a URL.
    ///
    /// # Errors
    /// If it is none, or one that can't be fetched from in safety.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::new(format!("`{text}` is {what}"));
        let uri: Uri = text.parse().map_err(|error| wrong("no URL").because(error))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| wrong("a URL without a host").help("write https://HOST/PATH"))?;
        let local = LOCAL.contains(&host);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if local => {}
            Some("http") => {
                let help = "write https://…: what comes over http can be read and changed on its way";
                return Err(wrong("an http URL").help(help));
            }
            _ => return Err(wrong("not an https URL").help("Kiln fetches over https and reads local paths")),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            let help = "fetch the file yourself, and give its path: a pipeline file is no place for a secret";
            return Err(wrong("a URL with a user or a password").help(help));
        }
        Ok(Self { text: text.to_owned(), local })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is of this very machine.
    pub fn is_local(&self) -> bool {
        self.local
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_leaves_the_machine() {
        for text in
            ["https://example.org/a.pt", "http://127.0.0.1:80/a", "http://localhost/", "http://[::1]:1/a"]
        {
            assert_eq!(Url::parse(text).unwrap().as_str(), text);
        }
        let refused = [
            "http://example.org/a.pt",
            "ftp://example.org/a.pt",
            "https://",
            "https:///a.pt",
            "https://user:secret@example.org/a.pt",
            "http://127.0.0.1.example.org/a.pt",
            "https://exa mple.org/",
        ];
        let told = refused.map(|text| {
            let error = Url::parse(text).unwrap_err();
            format!("{error}; {}", error.hint().unwrap_or_default())
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn paths_are_no_urls() {
        assert!(Url::is_meant_by("https://example.org/a.pt") && Url::is_meant_by("s3://bucket/a.pt"));
        assert!(!Url::is_meant_by("runs/a.pt") && !Url::is_meant_by(r"C:\a.pt"));
    }
}
