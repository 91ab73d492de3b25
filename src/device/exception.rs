//! Exceptions of LibTorch, told in one line.

use crate::{
    error::{Error, Result},
    panics,
};

/// Does `work`, of which nothing is used after an exception.
///
/// # Errors
/// Those of `work`; and an exception of LibTorch, which tch makes a panic. Every other panic goes on.
pub fn guard<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    panics::caught(first_line, work).map_err(|line| {
        Error::new(format!("LibTorch gave up: {line}"))
            .help("`kiln doctor` tells which LibTorch, driver and GPUs there are; `--device cpu` needs none of them")
    })?
}

/// The first line of an exception in the words of a panic, where its text stands as in a program: the frames of C++
/// come after it.
fn first_line(text: &str) -> Option<String> {
    let (_, told) = text.split_once("Torch(\"")?;
    let told = told.trim_start_matches("\\n");
    let end = told.find("\\n").or_else(|| told.rfind("\")")).unwrap_or(told.len());
    Some(told[..end].replace("\\\"", "\"").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_its_first_line() {
        let panic = "called `Result::unwrap()` on an `Err` value: Torch(\"Expected \\\"a\\\" and b, but got c\\n\
                     Exception raised from check at ../f.cpp:3 (most recent call first):\\nframe #0: c10::Error\")";
        let error = guard(|| -> Result<()> { panic!("{panic}") }).unwrap_err();
        assert_eq!(error.to_string(), "LibTorch gave up: Expected \"a\" and b, but got c");
        assert!(error.hint().is_some());
        assert_eq!(first_line("on an `Err` value: Torch(\"CUDA error\")").unwrap(), "CUDA error");
    }

    #[test]
    fn errors_go_on() {
        assert_eq!(guard(|| Err::<(), _>(Error::new("plain"))).unwrap_err().to_string(), "plain");
    }
}
