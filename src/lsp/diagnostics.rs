//! What is wrong with the open files: the problems of `kiln check`, in its words.

use std::collections::BTreeMap;

use gen_lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, PublishDiagnosticsParams,
    Uri,
};
use lsp_server::{Message, Notification};

use super::{page::Page, world::World};
use crate::spec::{Problem, render::CAP};

/// What editors were told of each file. One that another extends has that one's problems, too.
#[derive(Default)]
pub(super) struct Published(BTreeMap<String, Vec<Diagnostic>>);

impl Published {
    /// Tells again what is wrong with a file, though it may be the same: its text is another one.
    pub(super) fn forget(&mut self, uri: &Uri) {
        self.0.remove(&uri.0);
    }

    /// Tells what is wrong now, of files of which something else was said last.
    pub(super) fn tell(&mut self, world: &World, send: &dyn Fn(Message)) {
        let now = all(world);
        let gone = self.0.keys().filter(|uri| !now.contains_key(*uri)).cloned();
        let empty: BTreeMap<_, _> = gone.map(|uri| (uri, Vec::new())).collect();
        for (uri, diagnostics) in empty.iter().chain(&now) {
            // That nothing is wrong with it is told of an open file, too, if nothing was told before.
            if self.0.get(uri) != Some(diagnostics) {
                send(note(world, Uri(uri.clone()), diagnostics.clone()));
            }
        }
        self.0 = now;
    }
}

fn note(world: &World, uri: Uri, diagnostics: Vec<Diagnostic>) -> Message {
    let version = world.version(&uri);
    let params = PublishDiagnosticsParams { uri, version, diagnostics };
    Notification::new("textDocument/publishDiagnostics".to_owned(), params).into()
}

/// By file, what is wrong; nothing for an open file that is right.
fn all(world: &World) -> BTreeMap<String, Vec<Diagnostic>> {
    let mut all: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    for uri in world.uris() {
        all.entry(uri.0.clone()).or_default();
        let Some(page) = world.pipeline(&uri) else { continue };
        for (uri, diagnostic) in of_page(world, &page) {
            let told = all.entry(uri.0).or_default();
            if !told.contains(&diagnostic) {
                told.push(diagnostic);
            }
        }
    }
    all
}

/// The problems of a file, each with the file that it is in.
pub(super) fn of_page(world: &World, page: &Page) -> Vec<(Uri, Diagnostic)> {
    let Err(rejected) = page.loaded(world) else { return Vec::new() };
    rejected.problems.iter().take(CAP).map(|problem| diagnostic(world, page, problem)).collect()
}

/// A problem as the protocol has it.
pub(super) fn diagnostic(world: &World, page: &Page, problem: &Problem) -> (Uri, Diagnostic) {
    let Location { uri, range } = world.location(page, &problem.at);
    let related = problem.related.iter().map(|(place, label)| DiagnosticRelatedInformation {
        location: world.location(page, place),
        message: label.clone(),
    });
    let diagnostic = Diagnostic {
        range,
        severity: Some(DiagnosticSeverity::Error),
        code: Some(Code::String(problem.code.to_owned())),
        code_description: world.explanations.link(problem.code),
        source: Some("kiln".to_owned()),
        message: told(problem).into(),
        tags: None,
        related_information: Some(related.collect()),
        data: None,
    };
    (uri, diagnostic)
}

/// The message with all that stands below it on a terminal.
fn told(problem: &Problem) -> String {
    let label = Some(&problem.label).filter(|label| !label.is_empty());
    let help = problem.help.as_ref().map(|help| format!("help: {help}"));
    [Some(problem.message.clone()), label.cloned(), help].into_iter().flatten().collect::<Vec<_>>().join("\n")
}
