//! Panics that say what an error should: LibTorch's exceptions reach Rust as panics.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, Once, PoisonError},
};

/// What a panic of a certain sort says, from its message; nothing if it is another panic.
pub(crate) type Reading = fn(&str) -> Option<String>;

/// Does `work`, of which nothing may be used after a panic that `reading` knows: that is an error, and is not printed.
/// Every other panic goes on.
///
/// # Errors
/// What `reading` makes of the panic.
pub(crate) fn caught<T>(reading: Reading, work: impl FnOnce() -> T) -> Result<T, String> {
    hush(reading);
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match message(panic.as_ref()).and_then(reading) {
        Some(says) => says,
        None => resume_unwind(panic),
    })
}

/// The message of a panic, if it has one.
pub(crate) fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied())
}

/// Keeps the program from printing the panics that `reading` knows, on any thread; all others are printed as before.
fn hush(reading: Reading) {
    static HUSHED: Mutex<Vec<Reading>> = Mutex::new(Vec::new());
    static ONCE: Once = Once::new();
    let hushed = || HUSHED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = hushed().iter().any(|known| std::ptr::fn_addr_eq(*known, reading));
    if !is_known {
        hushed().push(reading);
    }
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let readings = hushed().clone();
            let says =
                message(info.payload()).and_then(|text| readings.iter().find_map(|reading| reading(text)));
            if says.is_none() {
                before(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_panic_is_an_error_and_others_go_on() {
        let reading: Reading = |text| text.strip_prefix("known: ").map(str::to_owned);
        assert_eq!(caught(reading, || panic!("known: {}", 3)).map(|(): ()| ()), Err("3".to_owned()));
        assert_eq!(caught(reading, || 4), Ok(4));
        let panic = catch_unwind(|| caught(reading, || panic!("a bug")).map(|(): ()| ())).unwrap_err();
        assert_eq!(message(panic.as_ref()), Some("a bug"));
    }
}
