//! Names of classes, where a key says something of each: those of the dataset that the node learns from.

use gen_lsp_types::CompletionItemKind;

use super::{Asked, Offer};
use crate::{lsp::outline::Part, nodes::dataset, paths};

/// The keys whose keys are classes, and the key beside them that names the dataset.
const KEYS: &[(&str, &str)] = &[("class_weights", "dataset")];

pub(super) fn offers(asked: &Asked<'_>) -> Vec<Offer> {
    let Some((node, _, key)) = asked.node_key() else { return Vec::new() };
    let Some((_, port)) = KEYS.iter().find(|(known, _)| *known == key) else { return Vec::new() };
    let dataset = asked.document["nodes"][node][port].as_str().unwrap_or_default();
    let present = asked.present();
    let names = names(asked, dataset);
    let free = names.into_iter().filter(|name| !present.contains_key(name));
    let offer = |name: String| {
        let offer = Offer::new(&name, CompletionItemKind::Value).detail(format!("class of `{dataset}`"));
        if asked.cursor.part == Part::Key { offer } else { offer.insert(format!("{name}: ")) }
    };
    free.map(offer).collect()
}

/// The classes of a dataset node, as far as its folder shows them.
fn names(asked: &Asked<'_>, dataset: &str) -> Vec<String> {
    let node = asked.draft().nodes.iter().find(|node| node.id == dataset);
    let root = node.and_then(|node| node.params.get("root")?.as_str());
    root.map(|root| dataset::class_names(&paths::resolve(&asked.page.base, root))).unwrap_or_default()
}
