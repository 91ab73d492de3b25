//! Where a node or a parameter is given; the file that a path names.

use gen_lsp_types::{Definition, DefinitionRequest, DefinitionResponse, Location, Position, Range};

use super::{
    ability::Answer,
    name,
    outline::Part,
    page::{Page, kind_of},
    uri,
    world::World,
};
use crate::{
    node::KeyRole,
    spec::{DocPath, Segment},
};

impl Answer for DefinitionRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let at = params.text_document_position_params;
        let Some(page) = world.page(&at.text_document.uri) else { return Ok(None) };
        let byte = page.byte(at.position);
        let found = of_name(world, &page, byte).or_else(|| file(world, &page, byte));
        Ok(found.map(|location| DefinitionResponse::Definition(Definition::Location(location))))
    }
}

/// Where what is named at a byte is given.
pub(super) fn of_name(world: &World, page: &Page, byte: usize) -> Option<Location> {
    let found = name::at(world, page, byte)?;
    page.location_of_key(world, &found.name.path())
}

/// The file whose path stands at a byte.
fn file(world: &World, page: &Page, byte: usize) -> Option<Location> {
    let outline = page.outline();
    let token = outline.at(byte).filter(|token| token.part == Part::Value)?;
    if !is_path(world, page, &token.path) {
        return None;
    }
    let path = page.base.join(&token.text).canonicalize().ok().filter(|path| path.is_file())?;
    let start = Position { line: 0, character: 0 };
    Some(Location { uri: uri::of(&path), range: Range { start, end: start } })
}

fn is_path(world: &World, page: &Page, path: &DocPath) -> bool {
    match &path.0[..] {
        [Segment::Key(only)] => only == "extends",
        [Segment::Key(_), Segment::Key(node), Segment::Key(key)] => {
            let kind = kind_of(world, &page.outline().document(), node);
            kind.and_then(|kind| kind.role(key)) == Some(KeyRole::Source)
        }
        _ => false,
    }
}
