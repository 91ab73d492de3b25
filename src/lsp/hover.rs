//! What a key means, what it is here and where that comes from; of a node, how it stands.

use gen_lsp_types::{Hover, HoverRequest, MarkupContent, MarkupKind};
use serde_json::Value;

use super::{
    ability::Answer,
    lines::Lines,
    name::{self, Name},
    outline::Token,
    page::{Page, kind_of},
    standing::Standing,
    world::World,
};
use crate::spec::{DocPath, brief, manual::Manual, show::Shown};

impl Answer for HoverRequest {
    // Of a node it is told whether the store has it, for which images that changed are read.
    const IS_SLOW: bool = true;

    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String> {
        let at = params.text_document_position_params;
        let Some(page) = world.page(&at.text_document.uri) else { return Ok(None) };
        let byte = page.byte(at.position);
        let outline = page.outline();
        let Some(token) = outline.at(byte) else { return Ok(None) };
        let asked = Asked::new(world, &page, token);
        let parts = [asked.meaning(), asked.parameter(byte), asked.value(), asked.node(byte)];
        let told: Vec<String> = parts.into_iter().flatten().collect();
        if told.is_empty() {
            return Ok(None);
        }
        let contents = MarkupContent { kind: MarkupKind::Markdown, value: told.join("\n\n---\n\n") };
        let range = Some(Lines::of(&page.text).range(&token.range));
        Ok(Some(Hover { contents: contents.into(), range }))
    }
}

/// What is pointed at.
struct Asked<'a> {
    world: &'a World,
    page: &'a Page,
    token: &'a Token,
    /// What the file says, its references as they are written.
    document: Value,
}

impl<'a> Asked<'a> {
    fn new(world: &'a World, page: &'a Page, token: &'a Token) -> Self {
        let read = page.document(world).map(|document| document.value().clone());
        Self { world, page, token, document: read.unwrap_or_else(|| page.outline().document()) }
    }

    /// What the schema says of the key.
    fn meaning(&self) -> Option<String> {
        let path = &self.token.path;
        let text = Manual::text(self.world.manual.at(&self.document, path));
        let is_node = path.0.len() == 2 && path.0[0] == "nodes".into();
        (!text.is_empty() && !is_node).then(|| format!("**{}**\n\n{text}", path.last_key()))
    }

    /// A parameter that is referred to.
    fn parameter(&self, byte: usize) -> Option<String> {
        let Name::Parameter(name) = name::at(self.world, self.page, byte)?.name else { return None };
        let value = self.document["params"].get(&name)?;
        Some(format!("`params.{name}` is `{}`", plain(value)))
    }

    /// What it is once all is put in place, and where that comes from.
    fn value(&self) -> Option<String> {
        let draft = self.page.draft(self.world);
        let shown = Shown::new(&self.page.source, &draft, false);
        let value = self.token.path.of(&shown.document)?;
        if value.is_object() || value.is_array() || value.is_null() {
            return None;
        }
        Some(format!("`{}` from {}", plain(value), shown.origin(&self.token.path)))
    }

    /// How a node stands that is named here.
    fn node(&self, byte: usize) -> Option<String> {
        let Name::Node(node) = name::at(self.world, self.page, byte)?.name else { return None };
        let kind = kind_of(self.world, &self.document, &node)?;
        let of_type = DocPath::from(["nodes", &node, "type"]);
        let schema = self.world.manual.at(&self.document, &of_type.parent());
        let text = schema["description"].as_str().unwrap_or_default();
        let standing = Standing::of(self.world, self.page).and_then(|standing| standing.told(&node));
        let standing = standing.map(|line| format!("\n\n{line}")).unwrap_or_default();
        Some(format!("**{node}** (`{}`)\n\n{text}{standing}", kind.name))
    }
}

fn plain(value: &Value) -> String {
    brief(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)).replace('`', "'")
}
