//! Running out of memory, told so that one knows what to do.

use crate::{
    error::{Error, Result},
    panics,
};

/// Does a step of `batch` images of `size`² pixels; running out of memory is an error.
///
/// LibTorch tells of a lack of memory (CUDA's, or its own on the CPU) with an exception that tch and burn turn into a
/// panic. What was half done is not used afterwards. Every other panic goes on. Where the system itself has no memory
/// left, it ends the program and nobody is told.
///
/// # Errors
/// If the memory does not suffice.
pub(super) fn guard<T>(batch: usize, size: usize, work: impl FnOnce() -> T) -> Result<T> {
    panics::caught(shortage, work).map_err(|shortage| out_of_memory(batch, size, &shortage))
}

/// What LibTorch says about memory, if that is what it speaks of: one line, without its advice for Python.
fn shortage(message: &str) -> Option<String> {
    let signs = ["out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED"];
    let start = signs.iter().filter_map(|sign| message.find(sign)).min()?;
    let start = message[..start].rfind(['\n', '"', '(', ':']).map_or(0, |at| at + 1);
    let ends = [" Of the allocated memory", ". Error code", "\n", "\"", "\\n"];
    let end = ends.iter().filter_map(|end| message[start..].find(end)).min();
    let told = &message[start..end.map_or(message.len(), |end| start + end)];
    Some(told.trim().trim_end_matches('.').to_owned())
}

fn out_of_memory(batch: usize, size: usize, shortage: &str) -> Error {
    let images = if batch == 1 { "image" } else { "images" };
    let help = "lower `batch` (gradients are still summed up to `nominal_batch` images), or the `size` of the transforms";
    Error::new(format!(
        "a batch of {batch} {images} of {size} x {size} pixels does not fit into memory: {shortage}"
    ))
    .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_memory_names_batch_size_and_memory() {
        let cuda = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried to allocate 2.00 GiB. \
                    GPU 0 has a total capacity of 7.79 GiB of which 1.20 GiB is free. Of the allocated memory 5.1 GiB \
                    is allocated by PyTorch\\nException raised from malloc\")";
        let error = guard(64, 224, || panic!("{cuda}")).map(|(): ()| ()).unwrap_err();
        insta::assert_snapshot!(error, @"a batch of 64 images of 224 x 224 pixels does not fit into memory: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB of which 1.20 GiB is free");
        assert!(error.hint().is_some_and(|help| help.contains("lower `batch`")));
        let cpu = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to \
                   allocate 8000 bytes. Error code 12 (Cannot allocate memory)";
        let error = guard(1, 32, || panic!("{cpu}")).map(|(): ()| ()).unwrap_err();
        insta::assert_snapshot!(error, @"a batch of 1 image of 32 x 32 pixels does not fit into memory: can't allocate memory: you tried to allocate 8000 bytes");
    }

    #[test]
    fn the_first_sign_of_a_lack_of_memory_is_told() {
        let message = "CUBLAS_STATUS_ALLOC_FAILED in one place: CUDA out of memory in another";
        assert_eq!(shortage(message).unwrap(), message);
        let message = "CUDA out of memory. Asked for 2 GiB; CUBLAS_STATUS_ALLOC_FAILED";
        assert_eq!(shortage(message).unwrap(), message);
    }
}
