//! A line above each node: its cache state and what it measured last.

use gen_lsp_types::{CodeLens, CodeLensRequest, Command};

use super::{ability::Answer, lines::Lines, standing::Standing, world::World};
use crate::spec::DocPath;

impl Answer for CodeLensRequest {
    // Images that changed are read.
    const IS_SLOW: bool = true;

    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let Some(page) = world.page(&params.text_document.uri) else { return Ok(None) };
        let Some(standing) = Standing::of(world, &page) else { return Ok(Some(Vec::new())) };
        let (outline, lines) = (page.outline(), Lines::of(&page.text));
        let nodes = DocPath::from(["nodes"]);
        let lens = |token: &super::outline::Token| {
            let title = standing.told(&token.text)?;
            // It tells, and does nothing.
            let command = Command { title, ..Command::default() };
            Some(CodeLens { range: lines.range(&token.range), command: Some(command), data: None })
        };
        Ok(Some(outline.keys_of(&nodes).filter_map(lens).collect()))
    }
}
