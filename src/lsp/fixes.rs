//! Quick fixes: where a problem knows the one thing that was meant, what `kiln fix` would write; and all of them at once.

use gen_lsp_types::{
    CodeAction, CodeActionKind, CodeActionRequest, CodeActionResponse, Range, TextEdit, WorkspaceEdit,
};

use super::{ability::Answer, diagnostics, formatting, page::Page, world::World};
use crate::{
    plan::fix,
    spec::{Place, Problem},
};

impl Answer for CodeActionRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let Some(page) = world.page(&params.text_document.uri) else { return Ok(None) };
        let only = params.context.only;
        let is_wanted = |kind: CodeActionKind| only.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        let mut actions = Vec::new();
        if is_wanted(CodeActionKind::QuickFix)
            && let Err(rejected) = page.loaded(world)
        {
            let fixes = rejected.problems.iter();
            actions.extend(fixes.filter_map(|problem| action(world, &page, problem, params.range)));
        }
        // A list of what mends one place is not the place for it, unless it is asked for.
        if only.is_some() && is_wanted(CodeActionKind::SourceFixAll) {
            actions.extend(all(world, &page));
        }
        Ok(Some(actions))
    }
}

/// What `kiln fix` does with the file, if it does anything.
fn all(world: &World, page: &Page) -> Option<CodeActionResponse> {
    let fixed = fix(page.source.clone(), &page.base, world.kinds);
    let edit = formatting::whole(page, fixed.source().text().to_owned())?;
    let change =
        WorkspaceEdit { changes: Some([(page.uri.clone(), vec![edit])].into()), ..WorkspaceEdit::default() };
    Some(CodeActionResponse::CodeAction(CodeAction {
        title: format!("Mend the file: {}", fixed.titles.join(", ")),
        kind: Some(CodeActionKind::SourceFixAll),
        edit: Some(change),
        ..CodeAction::default()
    }))
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
