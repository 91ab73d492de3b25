//! One JSON object a line, for programs.

use std::{io::Write, sync::Mutex};

use super::Reporter;
use crate::event::Event;

/// The version of what an event looks like; raised when a reader would have to change.
const VERSION: u32 = 1;

/// Events as JSON Lines.
pub struct Json<W: Write + Send> {
    out: Mutex<W>,
}

impl<W: Write + Send> Json<W> {
    /// A reporter that writes each event to `out` as one line of JSON.
    pub fn new(out: W) -> Self {
        Self { out: Mutex::new(out) }
    }
}

impl<W: Write + Send> Reporter for Json<W> {
    fn report(&self, event: &Event) {
        let event = serde_json::to_string(event).expect("an event is plain data");
        // An event is an object with at least its name.
        let line = format!("{{\"version\":{VERSION},{}\n", &event[1..]);
        let mut out = self.out.lock().expect("no holder of this lock panics");
        // That nothing can be written is no reason to stop the work.
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let json = Json::new(Vec::new());
        json.report(&Event::NodeNote { node: "fit".into(), line: "two\nlines".into() });
        json.report(&Event::NodeInterrupted { node: "fit".into() });
        let text = String::from_utf8(json.out.into_inner().unwrap()).unwrap();
        insta::assert_snapshot!(text, @r#"
        {"version":1,"event":"node_note","node":"fit","line":"two\nlines"}
        {"version":1,"event":"node_interrupted","node":"fit"}
        "#);
    }
}
