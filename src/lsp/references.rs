//! Where a node or a parameter is used, in all files in which it is the same.

use gen_lsp_types::{Location, ReferencesRequest};

use super::{ability::Answer, family, lines::Lines, name, world::World};

impl Answer for ReferencesRequest {
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let at = params.text_document_position_params;
        let Some(page) = world.page(&at.text_document.uri) else { return Ok(None) };
        let Some(found) = name::at(world, &page, page.byte(at.position)) else { return Ok(None) };
        let mut locations = Vec::new();
        for member in family::of(world, page, &found.name) {
            let lines = Lines::of(&member.page.text);
            let wanted = |it: &&name::Occurrence| params.context.include_declaration || !it.defines;
            locations.extend(member.occurrences.iter().filter(wanted).map(|occurrence| Location {
                uri: member.page.uri.clone(),
                range: lines.range(&occurrence.range),
            }));
        }
        Ok(Some(locations))
    }
}
