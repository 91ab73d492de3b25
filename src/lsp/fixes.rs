//! Quick fixes: where a problem knows the one thing that was meant, what `kiln fix` would write.

use gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionRequest, CodeActionResponse, Range, TextEdit, WorkspaceEdit,
};

use super::{ability::Answer, diagnostics, page::Page, world::World};
use crate::spec::{Place, Problem};

impl Answer for CodeActionRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let Some(page) = world.page(&params.text_document.uri) else { return Ok(None) };
        let only = params.context.only.as_deref();
        if only.is_some_and(|kinds| !kinds.contains(&CodeActionKind::QuickFix)) {
            return Ok(None);
        }
        let Err(rejected) = page.loaded(world) else { return Ok(None) };
        let actions =
            rejected.problems.iter().filter_map(|problem| action(world, &page, problem, params.range));
        Ok(Some(actions.collect()))
    }
}

/// What mends a problem that touches a range.
fn action(world: &World, page: &Page, problem: &Problem, range: Range) -> Option<CodeActionResponse> {
    let (uri, diagnostic) = diagnostics::diagnostic(world, page, problem);
    let touches = diagnostic.range.start <= range.end && range.start <= diagnostic.range.end;
    if uri != page.uri || !touches {
        return None;
    }
    let fix = problem.fix.as_ref()?;
    let edit = fix.edit(&page.source)?;
    let bytes = Place::Bytes(edit.range.start, edit.range.end);
    // In the file, or in the one beside it that has the place.
    let place = match &fix.at {
        Place::In(source, _) => Place::In(source.clone(), Box::new(bytes)),
        _ => bytes,
    };
    let location = world.location(page, &place);
    let edits = vec![TextEdit { range: location.range, new_text: edit.text }];
    let change = WorkspaceEdit { changes: Some([(location.uri, edits)].into()), ..WorkspaceEdit::default() };
    Some(CodeActionResponse::CodeAction(CodeAction {
        title: fix.title(),
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: Some(vec![diagnostic]),
        is_preferred: Some(true),
        edit: Some(change),
        ..CodeAction::default()
    }))
}
