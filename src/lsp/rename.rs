//! Another name for a node or a parameter, wherever it is the same.

use gen_lsp_types::{
    PrepareRenamePlaceholder, PrepareRenameRequest, PrepareRenameResult, RenameRequest, TextEdit,
    WorkspaceEdit,
};

use super::{
    ability::Answer,
    family::{self, Member},
    lines::Lines,
    name::{self, Name},
    page::Page,
    world::World,
};
use crate::spec::{Problem, naming};

impl Answer for PrepareRenameRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let at = params.text_document_position_params;
        let Some(page) = world.page(&at.text_document.uri) else { return Ok(None) };
        let found = name::at(world, &page, page.byte(at.position));
        Ok(found.map(|found| {
            let range = Lines::of(&page.text).range(&found.range);
            let placeholder = found.name.text().to_owned();
            PrepareRenameResult::PrepareRenamePlaceholder(PrepareRenamePlaceholder { range, placeholder })
        }))
    }
}

impl Answer for RenameRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let at = params.text_document_position_params;
        let Some(page) = world.page(&at.text_document.uri) else { return Ok(None) };
        let found = name::at(world, &page, page.byte(at.position));
        let found = found.ok_or("only nodes and parameters can be renamed here")?;
        let name = params.new_name;
        must_be_a_name(&found.name, &name)?;
        must_be_free(world, &page, &found.name, &name)?;
        let members = family::of(world, page, &found.name);
        let changes = members.iter().map(|it| (it.page.uri.clone(), edits(it, &name))).collect();
        Ok(Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }))
    }
}

fn edits(member: &Member, name: &str) -> Vec<TextEdit> {
    let lines = Lines::of(&member.page.text);
    let edit = |occurrence: &name::Occurrence| TextEdit {
        range: lines.range(&occurrence.range),
        new_text: name.to_owned(),
    };
    member.occurrences.iter().map(edit).collect()
}

fn must_be_a_name(what: &Name, name: &str) -> Result<(), String> {
    let problem = match what {
        Name::Node(_) => naming::problem_of_node(name),
        Name::Parameter(_) => naming::problem_of_parameter(name),
    };
    problem.map_or(Ok(()), |problem| Err(told(&problem)))
}

fn told(problem: &Problem) -> String {
    let help = problem.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
    format!("{}{help}", problem.message)
}

/// Whether nothing else has the name, in this file and in those that it extends.
fn must_be_free(world: &World, page: &Page, what: &Name, name: &str) -> Result<(), String> {
    let (other, kind) = match what {
        Name::Node(_) => (Name::Node(name.to_owned()), "node"),
        Name::Parameter(_) => (Name::Parameter(name.to_owned()), "parameter"),
    };
    let is_taken = name != what.text() && page.location_of_key(world, &other.path()).is_some();
    if is_taken { Err(format!("there is a {kind} `{name}` already")) } else { Ok(()) }
}
