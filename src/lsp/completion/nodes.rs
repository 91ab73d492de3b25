//! Names of nodes, where a key refers to one: those that give what is wanted.

use gen_lsp_types::CompletionItemKind;

use super::{Asked, Offer};
use crate::spec::{DraftNode, sweep::base_of};

pub(super) fn offers(asked: &Asked<'_>) -> Vec<Offer> {
    let Some(accepts) = asked.role().and_then(|role| role.accepts()) else { return Vec::new() };
    let own = asked.node_key().map_or("", |(node, ..)| node);
    let nodes = asked.draft().nodes.iter().filter(|node| base_of(&node.id) != own);
    let (mut known, mut unknown): (Vec<Offer>, Vec<Offer>) = (Vec::new(), Vec::new());
    for node in nodes {
        let kind = node.kind.map_or("no kind yet", |kind| kind.name);
        match gives(node) {
            Some((gives, phrase)) if accepts.iter().any(|accepted| accepted.name == gives) => {
                known.push(offer(node).detail(format!("{kind}: {phrase}")));
            }
            // It may give what is wanted, once it is right.
            None => unknown.push(offer(node).detail(format!("{kind}, with mistakes"))),
            Some(_) => {}
        }
    }
    let mut all: Vec<Offer> = known.into_iter().chain(unknown).collect();
    // Those of a sweep's points are beside each other.
    all.dedup_by(|a, b| a.label == b.label);
    all
}

/// The name and the phrase of what a node gives, if nothing is wrong with it.
fn gives(node: &DraftNode) -> Option<(&'static str, &'static str)> {
    let output = node.built.as_ref()?.node.output();
    Some((output.name, output.phrase))
}

fn offer(node: &DraftNode) -> Offer {
    Offer::new(base_of(&node.id), CompletionItemKind::Reference)
}
