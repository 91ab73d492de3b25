//! Which node needs which.

use std::{cmp::Reverse, collections::BinaryHeap};

use indexmap::IndexMap;
use petgraph::{
    Direction,
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};

use super::Step;
use crate::{node::Built, spec::DraftNode};

/// The nodes by their place in the file; an edge leads from a node to one that needs it, and is the port.
pub(super) struct Graph(pub DiGraph<usize, String>);

impl Graph {
    /// The graph of all references that lead to a node.
    pub(super) fn of(nodes: &[DraftNode]) -> Self {
        let mut graph = DiGraph::new();
        let places: IndexMap<&str, NodeIndex> =
            nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), graph.add_node(i))).collect();
        for (i, node) in nodes.iter().enumerate() {
            for (port, id) in references(node) {
                if let Some(producer) = places.get(id) {
                    graph.add_edge(*producer, NodeIndex::new(i), port.to_owned());
                }
            }
        }
        Self(graph)
    }

    /// The nodes as steps, each after those it needs; otherwise in the file's order.
    ///
    /// # Panics
    /// If a node is broken or the graph has a cycle: both are problems, and a plan has none.
    pub(super) fn order(&self, nodes: Vec<DraftNode>) -> Vec<Step> {
        let order = self.sorted();
        assert_eq!(order.len(), nodes.len(), "a plan has no cycle");
        let mut step_of = vec![0; nodes.len()];
        order.iter().enumerate().for_each(|(step, node)| step_of[*node] = step);
        let mut steps: Vec<(usize, Step)> = nodes
            .into_iter()
            .enumerate()
            .map(|(i, node)| {
                let inputs = self.inputs(i).into_iter().map(|(port, input)| (port, step_of[input])).collect();
                let kind = node.kind.expect("a plan has no unknown kind");
                let Built { node: behaviour, params } = node.built.expect("a plan has no broken node");
                let seed = behaviour.seed().map(|_| node.seed);
                (step_of[i], Step { id: node.id, kind, node: behaviour, params, seed, inputs })
            })
            .collect();
        steps.sort_by_key(|(place, _)| *place);
        steps.into_iter().map(|(_, step)| step).collect()
    }

    /// The ports of a node and the nodes they refer to, in the order of the kind's ports.
    fn inputs(&self, node: usize) -> Vec<(String, usize)> {
        let edges = self.0.edges_directed(NodeIndex::new(node), Direction::Incoming);
        let mut edges: Vec<_> =
            edges.map(|edge| (edge.id(), edge.weight().clone(), self.0[edge.source()])).collect();
        edges.sort_by_key(|(id, _, _)| *id);
        edges.into_iter().map(|(_, port, source)| (port, source)).collect()
    }

    /// Kahn's algorithm; of those that are ready, the first in the file goes first.
    fn sorted(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self
            .0
            .node_indices()
            .map(|node| self.0.edges_directed(node, Direction::Incoming).count())
            .collect();
        let mut ready: BinaryHeap<_> = (0..open.len()).filter(|i| open[*i] == 0).map(Reverse).collect();
        let mut order = Vec::new();
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for edge in self.0.edges(NodeIndex::new(node)) {
                let consumer = edge.target().index();
                open[consumer] -= 1;
                if open[consumer] == 0 {
                    ready.push(Reverse(consumer));
                }
            }
        }
        order
    }
}

/// The keys of a node that refer to others, with the names they hold.
pub(super) fn references(node: &DraftNode) -> impl Iterator<Item = (&'static str, &str)> {
    let inputs = node.kind.into_iter().flat_map(|kind| kind.inputs());
    inputs.filter_map(|(port, _)| Some((port, node.params.get(port)?.as_str()?)))
}
