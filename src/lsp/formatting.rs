//! The layout that `kiln fmt` gives a file.

use gen_lsp_types::{DocumentFormattingRequest, Position, Range, TextEdit};

use super::{ability::Answer, lines::Lines, page::Page, world::World};
use crate::spec::formatted;

impl Answer for DocumentFormattingRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let Some(page) = world.pipeline(&params.text_document.uri) else { return Ok(None) };
        // What can't be laid out is marked already, or stays as it is.
        Ok(formatted(&page.source, world.kinds).ok().map(|text| whole(&page, text).into_iter().collect()))
    }
}

/// The change of a file to another text, if it is another one.
pub(super) fn whole(page: &Page, text: String) -> Option<TextEdit> {
    let start = Position { line: 0, character: 0 };
    let range = Range { start, end: Lines::of(&page.text).position(page.text.len()) };
    (text != *page.source.text()).then_some(TextEdit { range, new_text: text })
}
